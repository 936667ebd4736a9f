// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/remote"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// script runs a script of the installation there, and returns what it answers.
func (m *machine) script(script remote.Script, stdin io.Reader) (string, error) {
	m.t.Helper()
	runner, err := remote.Parse(m.server.Address())
	if err != nil {
		m.t.Fatal(err)
	}
	shell, err := remote.NewShell(runner)
	if err != nil {
		m.t.Fatal(err)
	}
	var out bytes.Buffer
	err = shell.Script(m.t.Context(), script, stdin, &out)
	return out.String(), err
}

// Whatever a script is told, it runs none of it, and leaves nothing.
func TestScriptsAreToldNonsense(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	m.shell("install -m 755 " + helper(t, "one") + " /usr/local/bin/solution-bootstrap")
	before := m.shell("ls -lA --time-style=full-iso /usr/local/bin; sha256sum /usr/local/bin/*")
	for _, line := range []string{
		"", "\n", "$(touch /usr/local/bin/canary)\n", "`touch /usr/local/bin/canary`\n", "; touch /usr/local/bin/canary\n", "--help\n", "-n\n", "a b c\n",
		"a$(touch /usr/local/bin/canary) 1\n", "x[$(touch /usr/local/bin/canary)] 1\n", "ab cd\n", "\x00\xff\n", strings.Repeat("a", 1<<20) + "\n", "plan; touch /usr/local/bin/canary\n", "*\n",
		"0000000000000000000000000000000000000000000000000000000000000000 4\nabcd",
	} {
		for _, script := range []remote.Script{remote.ScriptPut, remote.ScriptInstall, remote.ScriptRevert, remote.ScriptUninstall} {
			if out, err := m.script(script, strings.NewReader(line)); err == nil {
				t.Errorf("%s, %.80q: %s", script, line, out)
			}
		}
		m.expect("ls -lA --time-style=full-iso /usr/local/bin; sha256sum /usr/local/bin/*", before)
	}
}

// A disk that is full before the program is whole, whatever was expected.
func TestInstallDiskFull(t *testing.T) {
	m := bare(t, "size=20m", sshserver.Options{})
	m.shell("install -m 755 " + helper(t, "one") + " /usr/local/bin/solution-bootstrap")
	fails(t, []string{"there is not enough room in /usr/local/bin: "}, "upgrade", "--helper", helper(t, "two"))
	data, err := os.ReadFile(helper(t, "two"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	line := fmt.Sprintf("%s 1\n", hex.EncodeToString(sum[:]))
	out, err := m.script(remote.ScriptPut, io.MultiReader(strings.NewReader(line), bytes.NewReader(data)))
	if err == nil || !strings.HasPrefix(out, "node 1\nfail write cat: ") || !strings.Contains(out, "No space left on device") {
		t.Errorf("%v, %q", err, out)
	}
	m.expect("/usr/local/bin/solution-bootstrap --version; "+listing, "solution-bootstrap version one\nsolution-bootstrap")
}

// Two at once: each ends, or says that the other is at it, and a further run
// finds nothing half done.
func TestInstallTwoAtOnce(t *testing.T) {
	m := bare(t, "size=128m", sshserver.Options{})
	versions := []string{"one", "two"}
	for _, version := range versions {
		helper(t, version)
	}
	for range 3 {
		var running sync.WaitGroup
		for _, version := range versions {
			running.Go(func() {
				_, stderr, ok := plugin(t, "install", "--helper", helper(t, version))
				if !ok && !strings.Contains(stderr, "somebody else is installing it at this moment") && !strings.Contains(stderr, "is installed, and version") {
					t.Errorf("%s", stderr)
				}
			})
		}
		running.Wait()
		if got := m.shell("/usr/local/bin/solution-bootstrap --version"); !strings.HasPrefix(got, "solution-bootstrap version ") {
			t.Errorf("%s", got)
		}
		if stdout, stderr, ok := plugin(t, "install", "--helper", helper(t, "two")); !ok || !strings.Contains(stdout, "helper version two answers\n") {
			t.Errorf("%s%s", stdout, stderr)
		}
		m.expect(listing, "solution-bootstrap")
	}
	// Somebody is at it, and is not waited for.
	m.shell("(exec 9</usr/local/bin; flock 9; echo; exec sleep 600) >/mnt/ready 2>&1 & echo $! >/mnt/pid; until [ -s /mnt/ready ]; do :; done; rm /mnt/ready")
	defer m.shell("kill $(cat /mnt/pid)")
	fails(t, []string{"putting /usr/local/bin/solution-bootstrap in place: ", "somebody else is installing it at this moment"}, "install", "--helper", helper(t, "one"))
}

// The scripts mean the same to bash, which is the sh of other systems.
func TestInstallWithBash(t *testing.T) {
	m := bare(t, "size=64m", sshserver.Options{})
	m.shell("mount --bind /bin/bash $(readlink -f /bin/sh)")
	m.expect("echo ${BASH_VERSION:+bash}", "bash")
	succeeds(t, created+"helper version one"+silent, "install", "--helper", helper(t, "one"))
	info, err := os.Stat(helper(t, "two"))
	if err != nil {
		t.Fatal(err)
	}
	m.server.CutAfter(info.Size() / 2)
	fails(t, []string{"the connection was lost"}, "upgrade", "--helper", helper(t, "two"))
	m.eventually("what was written aside is gone", func() bool { return m.shell(listing) == "solution-bootstrap" })
	fails(t, []string{"The program that was there before is in its place again"}, "upgrade", "--helper", helper(t, "mute"))
	succeeds(t, "/usr/local/bin/solution-bootstrap updated from version one to two\n"+unchanged+"helper version two"+silent, "upgrade", "--helper", helper(t, "two"))
	for _, line := range []string{"$(touch /usr/local/bin/canary)\n", "ab x[$(touch /usr/local/bin/canary)]\n"} {
		if out, err := m.script(remote.ScriptPut, strings.NewReader(line)); err == nil || !strings.HasPrefix(out, "node 1\nfail input") {
			t.Errorf("%q: %v, %s", line, err, out)
		}
	}
	m.expect(listing, "solution-bootstrap")
	if stdout, stderr, ok := plugin(t, "uninstall", "--yes"); !ok || strings.Count(stdout, " removed\n") != 5 {
		t.Errorf("%s%s", stdout, stderr)
	}
	m.expect(listing, "")
}
