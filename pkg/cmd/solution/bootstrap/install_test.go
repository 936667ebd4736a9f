// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// created is what a first installation prints; without systemd the registry
// does not run.
const created = `/usr/local/bin/solution-bootstrap created
/etc/metalk8s/solution-bootstrap.yaml created
/etc/metalk8s/containerd-hosts.toml.example created
/etc/systemd/system/solution-bootstrap.socket created
/etc/systemd/system/solution-bootstrap.service created
`

const (
	unchanged = "/etc/metalk8s/solution-bootstrap.yaml unchanged\n/etc/metalk8s/containerd-hosts.toml.example unchanged\n/etc/systemd/system/solution-bootstrap.socket unchanged\n/etc/systemd/system/solution-bootstrap.service unchanged\n"
	silent    = " answers\nregistry :5000 does not answer\n"
)

// listing shows what there is of ours in the folder of programs.
const listing = "ls -A /usr/local/bin | grep solution-bootstrap || :"

// A machine from nothing to a helper that answers, to another version of it,
// and back to nothing; each step twice.
func TestInstall(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	fails(t, []string{"nothing is installed that could be upgraded", "hint: run: kubectl solution bootstrap install"}, "upgrade", "--helper", helper(t, "one"))
	for _, mode := range []string{"client", "server"} {
		stdout, _, ok := plugin(t, "install", "--helper", helper(t, "one"), "--dry-run="+mode)
		if !ok || !strings.HasPrefix(stdout, "/usr/local/bin/solution-bootstrap created (") || strings.Count(stdout, "\n") != 1 {
			t.Errorf("%s", stdout)
		}
	}
	m.expect(listing, "")

	stderr := succeeds(t, created+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	if !strings.Contains(stderr, "systemd does not run here; where it does, run:\n  systemctl daemon-reload\n") {
		t.Errorf("stderr %s", stderr)
	}
	m.expect("stat -c '%n %a %u %g' /usr/local/bin/* /usr/local/bin/.[!.]* 2>/dev/null || :", "/usr/local/bin/solution-bootstrap 755 0 0")
	before := m.shell("stat -c '%i %z' /usr/local/bin/solution-bootstrap")
	succeeds(t, "/usr/local/bin/solution-bootstrap unchanged\n"+unchanged+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	m.expect("stat -c '%i %z' /usr/local/bin/solution-bootstrap", before)

	stdout, _, ok := plugin(t, "upgrade", "--helper", helper(t, "two"), "--dry-run=server")
	if !ok || !strings.HasPrefix(stdout, "/usr/local/bin/solution-bootstrap updated (server dry run)\n/etc/metalk8s/solution-bootstrap.yaml unchanged (server dry run)\n") {
		t.Errorf("%s", stdout)
	}
	m.expect("stat -c '%i %z' /usr/local/bin/solution-bootstrap", before)
	succeeds(t, "/usr/local/bin/solution-bootstrap updated from version one to two\n"+unchanged+"helper version two"+silent, "upgrade", "--helper", helper(t, "two"))
	m.expect(listing, "solution-bootstrap")

	fails(t, []string{"this needs a confirmation", "Nothing is imported there."}, "uninstall")
	m.shell("echo archives: [] >/etc/metalk8s/solutions.yaml")
	stdout, _, ok = plugin(t, "uninstall", "--dry-run=server")
	if !ok || strings.Count(stdout, " removed (server dry run)\n") != 5 {
		t.Errorf("%s", stdout)
	}
	stdout, stderr, ok = plugin(t, "uninstall", "--yes")
	if !ok || strings.Count(stdout, " removed\n") != 5 || !strings.Contains(stderr, "solutions.yaml and the archives stay where they are\n") {
		t.Errorf("%s%s", stdout, stderr)
	}
	m.expect(listing, "")
	m.expect("ls /etc/metalk8s", "solutions.yaml")
	if stderr = succeeds(t, "", "uninstall"); !strings.Contains(stderr, "nothing is installed on ssh://") {
		t.Errorf("stderr %s", stderr)
	}
	if n := m.server.Connections(); n != 1 {
		t.Errorf("%d connections, and one was to be shared", n)
	}
}

// This machine itself, with and without sudo.
func TestInstallLocal(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	run := func(args ...string) string {
		t.Helper()
		words := append(m.enter[1:len(m.enter):len(m.enter)], append([]string{"env", asPlugin + "=1", os.Args[0], "bootstrap"}, args...)...)
		cmd := exec.CommandContext(t.Context(), m.enter[0], words...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if got := run("install", "--bootstrap", "local", "--helper", helper(t, "one")); got != created+"helper version one"+silent {
		t.Errorf("%s", got)
	}
	if _, err := exec.LookPath("sudo"); err == nil {
		if got := run("upgrade", "--bootstrap", "local+sudo", "--helper", helper(t, "two")); !strings.HasPrefix(got, "/usr/local/bin/solution-bootstrap updated from version one to two\n") {
			t.Errorf("%s", got)
		}
	} else if os.Getenv("CI") == "true" {
		t.Error("there is no sudo")
	}
	// What is found beside the plugin, or on the PATH: there it is the one that is installed.
	if got := run("install", "--bootstrap", "local"); !strings.HasPrefix(got, "/usr/local/bin/solution-bootstrap unchanged\n") {
		t.Errorf("%s", got)
	}
	if got := run("uninstall", "--bootstrap", "local", "--yes"); strings.Count(got, " removed\n") != 5 {
		t.Errorf("%s", got)
	}
}

// otherMachine returns a program for another machine than this.
func otherMachine(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(helper(t, "one"))
	if err != nil {
		t.Fatal(err)
	}
	data[18] ^= byte(elf.EM_X86_64 ^ elf.EM_AARCH64) // e_machine; the other of the two
	path := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// What cannot be is refused, with what to do, and changes nothing.
func TestInstallRefuses(t *testing.T) {
	const asNobody = "setpriv --reuid=65534 --clear-groups "
	for name, tt := range map[string]struct {
		mount, command, prepare, file string
		want                          []string
	}{
		"no room":       {mount: "size=8m", want: []string{"putting /usr/local/bin/solution-bootstrap in place: ", "there is not enough room in /usr/local/bin: ", " KiB are free", "hint: make room"}},
		"read-only":     {mount: "ro", want: []string{"writing to /usr/local/bin: ", "Read-only file system", "hint: see that its file system can be written to"}},
		"noexec":        {mount: "noexec", want: []string{"the program does not run there: ", "Permission denied", "hint: see that /usr/local/bin is not mounted noexec"}},
		"not root":      {command: asNobody + `sh -c "$SSH_ORIGINAL_COMMAND"`, want: []string{"it takes root, and the account there is another", "ssh://root@HOST"}},
		"sudo asks":     {command: asNobody + "sudo -n sh", want: []string{"a password is required"}},
		"no shell":      {command: "/nonexistent/sh", want: []string{"running the script probe by `ssh -F ", "a shell cannot be started (exit status 127)", "docs/remote.md"}},
		"login script":  {command: `echo Welcome; eval "$SSH_ORIGINAL_COMMAND"`, want: []string{`something else answers than the script: "Welcome"`, "hint: see that no login script writes"}},
		"other machine": {file: otherMachine(t), want: []string{"it is for another machine, ", "and the node is ", "hint: name one that fits: --helper FILE."}},
		"no program":    {file: "/etc/passwd", want: []string{"/etc/passwd: it is no program of Linux: "}},
		"no file":       {file: "/none", want: []string{"open /none: no such file or directory", "hint: name one that fits"}},
		"not ours":      {file: "/usr/bin/true", want: []string{"the program does not run there: "}},
		"foreign unit":  {prepare: "mkdir -p /etc/systemd/system; echo mine >/etc/systemd/system/solution-bootstrap.service", want: []string{"the helper says: /etc/systemd/system/solution-bootstrap.service is not of solution-bootstrap install", "hint: move it away"}},
		"malformed configuration": {prepare: "mkdir -p /etc/metalk8s; echo 'registry: {listen: [x]}' >/etc/metalk8s/solution-bootstrap.yaml", want: []string{
			"the helper says: reading the helper's configuration /etc/metalk8s/solution-bootstrap.yaml: registry.listen: ",
		}},
		"read-only configuration": {prepare: "mkdir -p /etc/systemd/system && mount -o remount,ro /etc", want: []string{"the helper says: writing /etc/", "read-only file system"}},
		"a folder":                {prepare: "mkdir /usr/local/bin/solution-bootstrap", want: []string{"/usr/local/bin/solution-bootstrap is a folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := bare(t, "x-test,"+tt.mount, sshserver.Options{Command: tt.command})
			m.shell(tt.prepare + "\n:")
			before := m.shell("ls -AR /usr/local/bin /etc/metalk8s /etc/systemd/system 2>&1; :")
			file := tt.file
			if file == "" {
				file = helper(t, "one")
			}
			fails(t, tt.want, "install", "--helper", file)
			m.expect("ls -AR /usr/local/bin /etc/metalk8s /etc/systemd/system 2>&1; :", before)
		})
	}
}

// A key that may only ask the helper is known as such.
func TestInstallForcedCommand(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{Command: "solution-bootstrap agent"})
	fails(t, []string{"a shell cannot be started (exit status 127)"}, "install", "--helper", helper(t, "one"))
	m.shell("install -m 755 " + helper(t, "one") + " /usr/local/bin/solution-bootstrap")
	fails(t, []string{
		"this key may ask the helper, and do nothing else (command= in authorized_keys)",
		"hint: install it with another key, or by hand: scp -P ",
		" 127.0.0.1:solution-bootstrap && ssh -t -p ",
		" 127.0.0.1 'sudo install -m 0755 solution-bootstrap /usr/local/bin/solution-bootstrap && sudo /usr/local/bin/solution-bootstrap install'",
	}, "install", "--helper", helper(t, "two"))
	fails(t, []string{"this key may ask the helper"}, "uninstall", "--yes")
	m.expect("/usr/local/bin/solution-bootstrap --version", "solution-bootstrap version one")
}

// Where something is installed has to be said, and has to be a machine.
func TestInstallAddress(t *testing.T) {
	t.Setenv("KUBECTL_SOLUTION_BOOTSTRAP", "")
	for _, command := range []string{"install", "upgrade", "uninstall"} {
		fails(t, []string{"error: on which machine is not said\nhint: --bootstrap ssh://root@HOST names the bootstrap node"}, command)
		fails(t, []string{"a helper in a pod comes with its image", "docs/remote.md"}, command, "--bootstrap", "pod://app=helper")
		fails(t, []string{"names a program, and installed is /usr/local/bin/solution-bootstrap"}, command, "--bootstrap", "local:/x")
		fails(t, []string{"is no name or IP address of a host"}, command, "--bootstrap", "ssh://-oProxyCommand=x")
	}
}

// A program that does not answer is replaced by the one that did.
func TestUpgradeReverts(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	succeeds(t, created+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	before := m.shell("sha256sum /usr/local/bin/solution-bootstrap")
	fails(t, []string{"the helper is installed, and was not heard of: ", "\n  The program that was there before is in its place again\n"}, "upgrade", "--helper", helper(t, "mute"))
	m.expect("sha256sum /usr/local/bin/solution-bootstrap", before)
	m.expect(listing, "solution-bootstrap")
	succeeds(t, "/usr/local/bin/solution-bootstrap updated from version one to two\n"+unchanged+"helper version two"+silent, "upgrade", "--helper", helper(t, "two"))
}

// cutAndAgain has an upgrade to a version cut off once so many bytes were sent,
// and then run again. It tells whether the first one failed.
func cutAndAgain(t *testing.T, m *machine, version string, after int64) bool {
	t.Helper()
	m.server.Cut() // the next begins with a connection of its own
	m.server.CutAfter(after)
	_, stderr, first := plugin(t, "upgrade", "--helper", helper(t, version))
	m.server.CutAfter(0)
	if !first && !strings.Contains(stderr, "hint: ") {
		t.Errorf("cut after %d bytes: %s", after, stderr)
	}
	if got := m.shell("/usr/local/bin/solution-bootstrap --version"); !strings.HasPrefix(got, "solution-bootstrap version ") {
		t.Errorf("cut after %d bytes: %s", after, got)
	}
	stdout, stderr, ok := plugin(t, "upgrade", "--helper", helper(t, version))
	for !ok && strings.Contains(stderr, "somebody else is installing it") { // the one that was cut off
		stdout, stderr, ok = plugin(t, "upgrade", "--helper", helper(t, version))
	}
	if !ok || !strings.Contains(stdout, "helper version "+version+" answers\n") {
		t.Errorf("cut after %d bytes, and then: %s%s", after, stdout, stderr)
	}
	m.expect(listing, "solution-bootstrap")
	return !first
}

// A connection that is cut in any step is no obstacle to the next run.
func TestUpgradeCutInAnyStep(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	succeeds(t, created+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	m.server.Cut()
	before := m.server.Received()
	plugin(t, "upgrade", "--helper", helper(t, "two"))
	whole := m.server.Received() - before
	// The steps after the program was sent are the last few KiB.
	failed := 0
	for i, after := range []int64{whole - 500, whole - 2000, whole - 4000, whole - 6000, whole - 8000, whole - 10000, whole - 12000, 5000} {
		if cutAndAgain(t, m, []string{"one", "two"}[i%2], after) {
			failed++
		}
	}
	if t.Logf("%d of 8 were cut off", failed); failed < 5 {
		t.Error("too few")
	}
}

// A connection that is cut while the program is sent leaves what there was, and
// nothing else; the next run completes it.
func TestInstallCut(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	m.server.CutAfter(1 << 20)
	fails(t, []string{"the connection was lost"}, "install", "--helper", helper(t, "one"))
	m.eventually("what was written aside is gone", func() bool { return m.shell(listing) == "" })
	succeeds(t, created+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	before := m.shell("sha256sum /usr/local/bin/solution-bootstrap")
	info, err := os.Stat(helper(t, "two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []int64{1, 3, 5, 8, 9} {
		m.server.CutAfter(info.Size() * part / 10)
		fails(t, []string{"running the script put by `ssh -F ", "the connection was lost", "hint: run the command again"}, "upgrade", "--helper", helper(t, "two"))
		m.eventually("what was written aside is gone", func() bool { return m.shell(listing) == "solution-bootstrap" })
		m.expect("sha256sum /usr/local/bin/solution-bootstrap", before)
	}
	m.shell("touch /usr/local/bin/.solution-bootstrap.new.killed")
	succeeds(t, "/usr/local/bin/solution-bootstrap updated from version one to two\n"+unchanged+"helper version two"+silent, "upgrade", "--helper", helper(t, "two"))
	m.expect(listing, "solution-bootstrap")
}
