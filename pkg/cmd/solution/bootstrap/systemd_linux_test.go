// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/need"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
	"github.com/metalk8s/kubectl-solution/test/systemd"
)

// boot returns a machine with a real systemd as its first process.
func boot(t *testing.T) (*machine, *systemd.Machine) {
	t.Helper()
	need.Program(t, "curl")
	booted := systemd.Start(t)
	m := &machine{t: t, root: booted.Root(), enter: booted.Enter()}
	m.listen(sshserver.Options{})
	// The machine has a /tmp of its own.
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", m.server.Folder, m.root+m.server.Folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.shell("mkdir -p /run/sshd")
	return m, booted
}

const get = "curl --silent --show-error --fail --max-time 60 http://127.0.0.1:5000"

// A machine with systemd: from nothing to a registry that serves, to another
// version under pulls of which none fails, and back to nothing.
func TestInstallService(t *testing.T) {
	m, booted := boot(t)
	b := archivetest.New(t).WithImage("large", "1", archivetest.LayerSize(16<<20))
	booted.Copy(b.ISO(t), "/share/one.iso")
	const active = "systemctl is-active solution-bootstrap.service solution-bootstrap.socket || :"
	succeeds(t, created+"helper version one answers\nregistry :5000 serves 0 archives\n", "install", "--helper", helper(t, "one"))
	m.expect(active, "active\nactive")
	m.shell(`echo '{"protocol":1,"import":{"archives":["/share/one.iso"]}}' | solution-bootstrap agent`)
	m.eventually("it is served", func() bool { return strings.Contains(m.shell(get+"/readyz || :"), "one.iso") })

	t.Run("upgrade under pulls", func(t *testing.T) { testUpgradeUnderPulls(m, largest(b)) })

	// One that cannot even start.
	fails(t, []string{"installing the service: ", "The program that was there before is in its place again"}, "upgrade", "--helper", helper(t, "mute"))
	m.expect("/usr/local/bin/solution-bootstrap --version; "+listing, "solution-bootstrap version two\nsolution-bootstrap")
	m.expect(active, "active\nactive")
	m.expect(get+"/v2/", "{}")

	booted.Copy(helper(t, "one"), "/share/solution-bootstrap")
	// An upgrade that was cut off when the program was in place.
	m.shell("cd /usr/local/bin; ln solution-bootstrap .solution-bootstrap.previous; install -m 755 /share/solution-bootstrap new; mv new solution-bootstrap")
	succeeds(t, "/usr/local/bin/solution-bootstrap unchanged\n"+unchanged+"solution-bootstrap.service restarted\nhelper version one answers\nregistry :5000 serves 1 archive\n",
		"install", "--helper", helper(t, "one"))
	m.expect(listing, "solution-bootstrap")

	fails(t, []string{"1 version imported there: example-solution-1.0.0"}, "uninstall")
	if stdout, stderr, ok := plugin(t, "uninstall", "--yes"); !ok || strings.Count(stdout, " removed\n") != 7 {
		t.Errorf("%s%s", stdout, stderr)
	}
	m.expect(active+"; "+listing+"; ls /etc/metalk8s", "inactive\ninactive\nsolutions.yaml\nsolutions.yaml.lock")
	succeeds(t, created+"helper version two answers\nregistry :5000 serves 1 archive\n", "install", "--helper", helper(t, "two"))
}

// largest returns the digest of the large layer.
func largest(b *archivetest.Builder) string {
	paths, files := b.Blobs("large", "1"), b.Files()
	return path.Base(slices.MaxFunc(paths, func(x, y string) int { return len(files[x]) - len(files[y]) }))
}

func testUpgradeUnderPulls(m *machine, digest string) {
	m.t.Helper()
	blob := "/v2/example-solution-1.0.0/large/blobs/sha256:" + digest
	pulls := make(chan string, 2)
	go func() {
		pulls <- m.shell("touch /run/pulling; " + get + blob + " --limit-rate 2M | sha256sum; solution-bootstrap --version")
	}()
	go func() {
		pulls <- m.shell("until [ -e /run/pulling ]; do :; done; n=0; until [ -e /run/upgraded ]; do " + get + "/v2/ >/dev/null || echo failed; n=$((n + 1)); done; [ $n -gt 10 ] && echo many")
	}()
	m.eventually("it is being pulled", func() bool { return m.shell("pgrep -f limit-rat[e] || :") != "" })
	succeeds(m.t, "/usr/local/bin/solution-bootstrap updated from version one to two\n"+unchanged+"solution-bootstrap.service restarted\nhelper version two answers\nregistry :5000 serves 1 archive\n",
		"upgrade", "--helper", helper(m.t, "two"))
	m.shell("touch /run/upgraded")
	got := []string{<-pulls, <-pulls}
	// It ended when the program had been replaced.
	for _, want := range []string{digest + "  -\nsolution-bootstrap version two", "many"} {
		if got[0] != want && got[1] != want {
			m.t.Errorf("pulls: %q, want %q", got, want)
		}
	}
}
