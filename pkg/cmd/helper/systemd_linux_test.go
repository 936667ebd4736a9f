// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/need"
	"github.com/metalk8s/kubectl-solution/test/systemd"
)

// host is a machine with systemd.
type host struct {
	*systemd.Machine
	t *testing.T
}

func boot(t *testing.T) *host {
	t.Helper()
	need.Program(t, "curl")
	need.Program(t, "openssl")
	return &host{systemd.Start(t), t}
}

// shell runs a command there, and returns what it prints and that it failed.
func (h *host) shell(command string) string {
	h.t.Helper()
	out, err := h.Try("/bin/sh", "-c", command)
	if err != nil {
		return out + err.Error()
	}
	return out
}

// expect runs a command, which has to print this.
func (h *host) expect(command, want string) {
	h.t.Helper()
	if got := h.shell(command); strings.TrimSpace(got) != want {
		h.t.Errorf("%s\n%s\nwant %s", command, got, want)
	}
}

func (h *host) eventually(what string, done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not in a minute\n%s", what, h.shell("systemctl status --no-pager solution-bootstrap; journalctl --no-pager -u solution-bootstrap | tail -50"))
		}
	}
}

// give puts archives, versions of one Solution, and the program in /share.
func (h *host) give(versions ...string) {
	h.t.Helper()
	h.Copy(program(h.t), "/share/solution-bootstrap")
	for _, version := range versions {
		h.Copy(archivetest.New(h.t).WithVersion(version).ISO(h.t), "/share/"+version+".iso")
	}
}

// The service as it is installed: it reads archives and keys wherever they are,
// and can do nothing else.
func TestService(t *testing.T) {
	h := boot(t)
	h.give("1.0.0", "2.0.0", "3.0.0", "4.0.0")
	h.expect(`set -e
		install -m 0755 /share/solution-bootstrap /usr/local/bin/
		install -d -m 0700 /root/iso /etc/metalk8s/tls
		install -m 0600 /share/1.0.0.iso /root/iso/
		install -m 0600 /share/2.0.0.iso /tmp/
		install -m 0600 /share/3.0.0.iso /var/tmp/
		openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=node -addext subjectAltName=IP:127.0.0.1 \
			-keyout /etc/metalk8s/tls/key -out /etc/metalk8s/tls/certificate 2>/dev/null
		chmod 0600 /etc/metalk8s/tls/*
		cat >/etc/metalk8s/solution-bootstrap.yaml <<-END
			registry: {tls: {certificate: /etc/metalk8s/tls/certificate, key: /etc/metalk8s/tls/key}}
			metrics: {listen: ['127.0.0.1:5001']}
		END
		cat >/etc/metalk8s/solutions.yaml <<-END
			apiVersion: solutions.metalk8s.scality.com/v1alpha1
			kind: SolutionsConfiguration
			archives: [/root/iso/1.0.0.iso, /tmp/2.0.0.iso, /var/tmp/3.0.0.iso, /mnt/4.0.0.iso]
		END
		solution-bootstrap install`, strings.TrimSpace(strings.Replace(installed, "yaml created", "yaml kept", 1)))
	h.expect("systemctl is-active solution-bootstrap.service solution-bootstrap.socket; systemctl is-enabled solution-bootstrap.service solution-bootstrap.socket",
		"active\nactive\nenabled\nenabled")

	const get = "curl --silent --show-error --max-time 30 --cacert /etc/metalk8s/tls/certificate https://127.0.0.1:5000"
	// A disk that is mounted later is seen.
	h.eventually("three are served", func() bool { return strings.Count(h.shell(get+"/readyz"), `"id":`) == 3 })
	h.expect("mount -t tmpfs -o mode=0700 tmpfs /mnt && install -m 0600 /share/4.0.0.iso /mnt/", "")
	h.eventually("four are served", func() bool { return strings.HasPrefix(h.shell(get+"/readyz"), `{"ready":true,`) })
	h.expect(get+"/v2/example-solution-1.0.0/example-solution-ui/tags/list", `{"name":"example-solution-1.0.0/example-solution-ui","tags":["1.0.0"]}`)
	h.expect(`curl -s http://127.0.0.1:5001/metrics | grep '^solution_bootstrap_archives{state="served"}'`, `solution_bootstrap_archives{state="served"} 4`)

	testConfinement(h)
	testRestarts(h, get)

	// Another address needs another socket.
	h.expect("sed -i 's/^registry: {/&listen: [\"127.0.0.1:443\"], /' /etc/metalk8s/solution-bootstrap.yaml && solution-bootstrap install | grep -c updated", "2")
	h.expect(strings.Replace(get, ":5000", ":443", 1)+"/v2/", "{}")
	h.expect(get+"/v2/ >/dev/null 2>&1 || echo none", "none")
	h.expect("solution-bootstrap uninstall | sed 's/.* //'", "removed\nremoved\nremoved\nremoved\nremoved\nkept")
	h.expect("systemctl is-active solution-bootstrap.service solution-bootstrap.socket; find /etc/systemd /etc/metalk8s /run/systemd -name '*solution-bootstrap*'; pidof solution-bootstrap",
		"inactive\ninactive\n/etc/metalk8s/solution-bootstrap.yaml\nexit status 1")
	h.expect("solution-bootstrap uninstall --purge", "/etc/metalk8s/solution-bootstrap.yaml removed")
}

// testConfinement looks at the process from outside.
func testConfinement(h *host) {
	h.t.Helper()
	const process = "/proc/$(systemctl show --property MainPID --value solution-bootstrap)"
	h.expect("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' "+process+"/status | tr -d '\t'", "CapEff:0000000000000004\nCapBnd:0000000000000004\nNoNewPrivs:1\nSeccomp:2")
	h.expect("test $(stat --format %u "+process+") != 0 && echo another user", "another user")
	// Not even root could write where it is; and there is no shell for it.
	h.expect("for d in / /etc /usr /var /home /root /boot /tmp /var/tmp /run /dev /dev/shm /sys; do touch "+process+"/root$d/x 2>/dev/null && echo $d; done; :", "")
	h.expect("cd "+process+"/root && cat etc/shadow etc/sudoers && find etc/ssh root/.ssh var/lib/kubelet -mindepth 1 2>/dev/null; :", "")
	h.expect("nsenter --mount --target $(systemctl show --property MainPID --value solution-bootstrap) /bin/sh -c : 2>&1; :", "nsenter: failed to execute /bin/sh: Permission denied")
}

// testRestarts has the service end in several ways: no connection is refused.
func testRestarts(h *host, get string) {
	h.t.Helper()
	for _, end := range []string{
		"systemctl restart solution-bootstrap &",
		"systemctl stop solution-bootstrap 2>/dev/null &",
		// What it was just answering is lost here, but no more.
		"pid=$(systemctl show --property MainPID --value solution-bootstrap); kill -KILL $pid; while kill -0 $pid; do :; done 2>/dev/null;",
	} {
		h.expect(end+" for i in $(seq 20); do "+get+"/v2/ || echo failed $i; done; wait", strings.Repeat("{}", 20))
	}
	h.expect("systemctl is-active solution-bootstrap", "active")
}
