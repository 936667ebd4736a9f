// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// script returns a helper that is a shell script: sudo keeps no variable that
// would tell the test binary what to do.
func script(t *testing.T, text string) Local {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return Local{Program: path, Sudo: true}
}

// Sudo runs the helper as root, with nothing of the environment that would
// choose another configuration.
func TestLocalSudo(t *testing.T) {
	needSudo(t)
	t.Setenv("SOLUTION_BOOTSTRAP_CONFIG", "/tmp/x")
	l := script(t, `echo "$@" $(id -u) "$SOLUTION_BOOTSTRAP_CONFIG$REMOTE_TEST_CHILD"; cat; exit 3`)
	out := &signalWriter{written: make(chan struct{})}
	failed := wantError(t, l.Run(t.Context(), nil, out), Exit, "exit status 3")
	if failed.Command != "sudo -n "+l.Program+" agent" || out.String() != "agent 0 \n" {
		t.Errorf("command %s, output %q", failed.Command, out)
	}
}

func TestLocalSudoCancel(t *testing.T) {
	needSudo(t)
	l := script(t, "trap 'echo ended; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &signalWriter{written: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, nil, out) }()
	<-out.written
	cancel(enough)
	if wantError(t, <-done, Canceled, "enough"); out.String() != "ready\nended\n" {
		t.Errorf("output %q", out)
	}
}

func TestLocalSudoMissing(t *testing.T) {
	l := script(t, "exit 0")
	t.Setenv("PATH", t.TempDir())
	failed := wantError(t, l.Run(t.Context(), nil, nil), SudoRefused, `there is no sudo (exec: "sudo": executable file not found in $PATH)`)
	if failed.Hint() != "install sudo on this machine, or use an account that needs none" {
		t.Errorf("hint %q", failed.Hint())
	}
}

// What sudo says is told apart (sudo 1.8 and 1.9).
func TestSudoSymptoms(t *testing.T) {
	for text, want := range map[string]Reason{
		"sudo: a password is required\n":                                                       SudoRefused,
		"sudo: a terminal is required to read the password; either use -S\n":                   SudoRefused,
		"sudo: no tty present and no askpass program specified\n":                              SudoRefused,
		"sudo: sorry, you must have a tty to run sudo\n":                                       SudoRefused,
		"admin is not in the sudoers file.  This incident will be reported.\n":                 SudoRefused,
		"Sorry, user admin is not allowed to execute 'solution-bootstrap agent' as root on x.": SudoRefused,
		"Sorry, user admin may not run sudo on x.\n":                                           SudoRefused,
		"bash: line 1: sudo: command not found\n":                                              SudoRefused,
		"sh: 1: sudo: not found\n":                                                             SudoRefused,
		"sudo: solution-bootstrap: command not found\n":                                        NotFound,
		"sudo: unable to execute /usr/local/bin/solution-bootstrap: Permission denied\n":       NotFound,
		"error: solutions.yaml: no space left\n":                                               Exit,
		"the sudo: a password is required\n":                                                   Exit,
	} {
		e := &RunError{Command: "x", Reason: Exit, Err: errors.New("exit status 1"), Stderr: text}
		if found := diagnoseSudo(e, ended{err: e.Err, stderr: text, status: 1}, "x"); found != (want != Exit) || e.Reason != want || e.Hint() == "" {
			t.Errorf("%q: %s, hint %q", text, e.Reason, e.Hint())
		}
	}
	// What has answered is no sudo.
	e := &RunError{Reason: Exit, Err: errors.New("exit status 1")}
	if diagnoseSudo(e, ended{err: e.Err, stderr: "sudo: a password is required\n", answered: true}, "x") {
		t.Error("a helper that has answered is taken for sudo")
	}
}

// sudoersLine is what the documentation has for an account named solutions.
var sudoersLine = regexp.MustCompile(`(?m)^    solutions (ALL=.* NOPASSWD: .*)$`)

// With the documented line in sudoers, an account may have the helper's agent
// run as root, and nothing else, and may tell it nothing. The line is for user
// nobody here, in file systems that only this test sees.
func TestDocumentedSudoers(t *testing.T) {
	needSudo(t)
	text, err := os.ReadFile("../../docs/remote.md")
	if err != nil {
		t.Fatal(err)
	}
	line := sudoersLine.FindStringSubmatch(string(text))
	if line == nil {
		t.Fatal("docs/remote.md has no line for sudoers")
	}
	l := script(t, `echo "ran $* as $(id -u) with [$SOLUTION_BOOTSTRAP_CONFIG]"`)
	asNobody := "export SOLUTION_BOOTSTRAP_CONFIG=/x; setpriv --reuid=nobody --regid=nogroup --clear-groups "
	prepare := "set -e; for d in /etc/sudoers.d /usr/local/bin; do mount -t tmpfs -o mode=755 tmpfs $d; done\n" +
		"cp " + l.Program + " /usr/local/bin/\necho 'nobody " + line[1] + "' >/etc/sudoers.d/x; chmod 440 /etc/sudoers.d/x\ncd /\n"
	for command, want := range map[string]string{
		Quote(append(sudoWords(), program, "agent")...):                 "ran agent as 0 with []\n",
		"sudo -n solution-bootstrap agent --config /x":                  "sudo: a password is required\n",
		"sudo -n solution-bootstrap serve":                              "sudo: a password is required\n",
		"sudo -n solution-bootstrap":                                    "sudo: a password is required\n",
		"sudo -n id":                                                    "sudo: a password is required\n",
		"sudo -n -E solution-bootstrap agent":                           "sudo: sorry, you are not allowed to preserve the environment\n",
		"sudo -n SOLUTION_BOOTSTRAP_CONFIG=/x solution-bootstrap agent": "sudo: sorry, you are not allowed to set the following environment variables: SOLUTION_BOOTSTRAP_CONFIG\n",
	} {
		cmd := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", prepare+asNobody+command)
		cmd.Env = plainEnvironment()
		if out, _ := cmd.CombinedOutput(); string(out) != want { // the status is that of sudo
			t.Errorf("%s\ngot  %swant %s", command, out, want)
		}
	}
}
