// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// allScripts are those that there are constants for.
var allScripts = []Script{ScriptInstall, ScriptProbe, ScriptPut, ScriptRevert, ScriptSettle, ScriptUninstall}

// The scripts are those that have a constant, in the language of sh, and no
// other file can be named.
func TestScripts(t *testing.T) {
	entries, err := scripts.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	var names []Script
	for _, entry := range entries {
		names = append(names, Script(strings.TrimSuffix(entry.Name(), ".sh")))
	}
	if !slices.Equal(names, allScripts) {
		t.Errorf("scripts %q, constants %q", names, allScripts)
	}
	for _, script := range allScripts {
		text, err := script.text()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", text).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
	for _, script := range []Script{"", "none", "../prelude", "../../etc/passwd", "probe.sh"} {
		if text, err := script.text(); err == nil {
			t.Errorf("%q is %q", script, text)
		}
		wantError(t, Local{}.Script(t.Context(), script, nil, nil), NotFound, "there is no script")
	}
}

func TestLocalScript(t *testing.T) {
	var out bytes.Buffer
	if err := (Local{}).Script(t.Context(), ScriptProbe, nil, &out); err != nil || !strings.HasPrefix(out.String(), "node 1\nsystem ") {
		t.Errorf("%v, %q", err, &out)
	}
	needSudo(t)
	out.Reset()
	if err := (Local{Sudo: true}).Script(t.Context(), ScriptProbe, nil, &out); err != nil || !strings.Contains(out.String(), "\nuser 0\n") {
		t.Errorf("%v, %q", err, &out)
	}
}

// What the host is asked to run is the script and nothing else, whatever is
// said to it.
func TestSSHScriptIsConstant(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	s, _ := host(t, "", sshserver.Options{Command: `printf %s "$SSH_ORIGINAL_COMMAND" >>` + asked})
	for _, script := range allScripts {
		text, err := script.text()
		if err != nil {
			t.Fatal(err)
		}
		for _, sudo := range []bool{false, true} {
			s.Sudo = sudo
			for _, said := range []string{"", "$(touch canary)", "'; touch canary; '\n--help\n"} {
				if err := os.WriteFile(asked, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := s.Script(t.Context(), script, strings.NewReader(said), nil); err != nil {
					t.Fatal(err)
				}
				want := Quote(append(shellWords(sudo), "-c", text)...)
				if got, err := os.ReadFile(asked); err != nil || string(got) != want {
					t.Errorf("%s, %q: %v, asked …%.200q, and not …%.200q", script, said, err, got[max(0, len(got)-200):], want[len(want)-200:])
				}
			}
		}
	}
}

// Through two shells and sudo a script is what it was.
func TestSSHScript(t *testing.T) {
	s, _ := host(t, "", sshserver.Options{})
	var plain, withSudo bytes.Buffer
	if err := s.Script(t.Context(), ScriptProbe, nil, &plain); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plain.String(), "\nmachine ") || runtime.GOARCH == "amd64" && !strings.Contains(plain.String(), "\nmachine x86_64\n") {
		t.Errorf("%s", &plain)
	}
	needSudo(t)
	if err := sudo(s).Script(t.Context(), ScriptProbe, nil, &withSudo); err != nil || withSudo.String() != plain.String() {
		t.Errorf("%v, %s", err, &withSudo)
	}
}

func TestSSHScriptErrors(t *testing.T) {
	s, _ := host(t, "", sshserver.Options{})
	noShell, _ := host(t, "", sshserver.Options{Command: "/nonexistent/sh"})
	wantsPassword, _ := host(t, "", sshserver.Options{Command: "setpriv --reuid=65534 --clear-groups sudo -n sh"})
	silent, _ := host(t, "", sshserver.Options{Command: "exit 7"})
	at := func(change func(*SSH)) SSH { changed := s; change(&changed); return changed }
	for name, tt := range map[string]struct {
		s          SSH
		reason     Reason
		text, hint string
	}{
		"nothing listens": {at(func(s *SSH) { s.Port = closedPort(t) }), Unreachable, "the host cannot be reached", "see that 127.0.0.1 is up"},
		"no shell":        {noShell, NotFound, "a shell cannot be started (exit status 127): ", "installing takes a shell and root"},
		"sudo asks":       {sudo(wantsPassword), SudoRefused, "sudo wants a password (exit status 1)", "installing takes a shell and root"},
		"its status":      {silent, Exit, "running the script probe by `ssh -F ", " 127.0.0.1 sh -c id"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.s.Sudo {
				needSudo(t)
			}
			failed := wantError(t, tt.s.Script(t.Context(), ScriptProbe, nil, nil), tt.reason, tt.text)
			if !strings.Contains(failed.Hint(), tt.hint) {
				t.Errorf("hint %q, want %q", failed.Hint(), tt.hint)
			}
		})
	}
}

// A script that reads is told that nothing more comes, and can tidy up.
func TestScriptCanceled(t *testing.T) {
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	endless := readerFunc(func(b []byte) (int, error) { return len(b), nil })
	out := &signalWriter{written: make(chan struct{})}
	p := process{words: []string{"sh", "-c", "trap 'echo tidy' EXIT; trap 'exit 1' TERM; echo ready; cat >/dev/null"}}
	done := make(chan *ended, 1)
	go func() { done <- p.run(ctx, untilDone(ctx, endless), out) }()
	<-out.written
	cancel(enough)
	if failed := <-done; failed == nil || failed.reason != Canceled || out.String() != "ready\ntidy\n" {
		t.Errorf("%v, output %q", failed, out)
	}
}

func TestInstallByHand(t *testing.T) {
	const install = "'sudo install -m 0755 solution-bootstrap /usr/local/bin/solution-bootstrap && sudo /usr/local/bin/solution-bootstrap install'"
	for address, want := range map[string]string{
		"ssh://node":               "scp 'it'\\''s' node:solution-bootstrap && ssh -t node " + install,
		"ssh+sudo://jane@node:222": "scp -P 222 'it'\\''s' jane@node:solution-bootstrap && ssh -t -p 222 jane@node " + install,
		"ssh://root@[::1]":         "scp 'it'\\''s' 'root@[::1]:solution-bootstrap' && ssh -t root@::1 " + install,
	} {
		runner, err := Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := runner.(SSH).InstallByHand("it's"); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
