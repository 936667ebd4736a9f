// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/need"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// runtimeFolder has the shared connections in a folder of the test's.
func runtimeFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "run") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	t.Setenv("XDG_RUNTIME_DIR", folder)
	return folder
}

// host returns a real sshd, and the way to a helper there that behaves as do
// says (runChild).
func host(t testing.TB, do string, options sshserver.Options) (SSH, *sshserver.Server) {
	t.Helper()
	runtimeFolder(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Symlink(self, filepath.Join(folder, program)); err != nil {
		t.Fatal(err)
	}
	options.Environment = map[string]string{"PATH": folder + ":/usr/bin:/bin", childVariable: do}
	server := sshserver.Need(t, options)
	return SSH{Host: "127.0.0.1", Port: server.Port, userConfigs: []string{server.Config}, Grace: 200 * time.Millisecond}, server
}

func TestSSHRun(t *testing.T) {
	s, server := host(t, "echo", sshserver.Options{})
	request := strings.Repeat("request", 100_000)
	for range 3 {
		var out bytes.Buffer
		if err := s.Run(t.Context(), strings.NewReader(request), &out); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), `["agent"]`+"\n"+request; got != want {
			t.Errorf("got %d bytes: %.80q", len(got), got)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections, and one was to be shared", n)
	}
	if err := s.Run(t.Context(), nil, nil); err != nil {
		t.Errorf("with no streams: %v", err)
	}
}

// What the user has set stays: here another place for shared connections, and
// an alias with a jump host.
func TestSSHUserConfiguration(t *testing.T) {
	s, server := host(t, "echo", sshserver.Options{})
	own := filepath.Join(server.Folder, "own")
	given, err := os.ReadFile(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("Host node jump\nHostName 127.0.0.1\nPort %d\nControlPath %s-%%n\nHost node\nProxyJump jump\n", s.Port, own)
	if err := os.WriteFile(server.Config, []byte(text+"Host *\n"+string(given)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Host, s.Port = "node", 0
	var out bytes.Buffer
	if err := s.Run(t.Context(), nil, &out); err != nil || out.String() != "[\"agent\"]\n" {
		t.Fatalf("%v, output %q", err, &out)
	}
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections, and there should be one to the jump host and one through it", n)
	}
	for _, name := range []string{"node", "jump"} {
		if _, err := os.Stat(own + "-" + name); err != nil {
			t.Errorf("the connection to %s is not where the user's configuration says: %v", name, err)
		}
	}
}

// The command in authorized_keys is what runs, whatever is asked for.
func TestSSHForcedCommand(t *testing.T) {
	s, _ := host(t, "echo", sshserver.Options{Command: "solution-bootstrap agent"})
	canary := filepath.Join(t.TempDir(), "canary")
	config, err := writeSSHConfig(s.Mode, s.userConfigs)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"", "touch " + canary, "solution-bootstrap agent; touch " + canary, "solution-bootstrap agent --config /tmp/x", "solution-bootstrap serve", "$(touch " + canary + ")"} {
		words := append([]string{"-F", config, "-T"}, s.destination()...)
		if command != "" {
			words = append(words, command)
		}
		cmd := exec.CommandContext(t.Context(), "ssh", words...)
		cmd.Stdin = strings.NewReader("x")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "[\"agent\"]\nx" {
			t.Errorf("%q: %v, %q", command, err, out)
		}
	}
	var out bytes.Buffer
	s.Sudo = true
	if err := s.Run(t.Context(), strings.NewReader("x"), &out); err != nil || out.String() != "[\"agent\"]\nx" {
		t.Errorf("%v, %q", err, &out)
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("a command was run that the client had named")
	}
}

// closedPort returns one on which nothing listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// configuration returns a client's, with other lines before that of the
// server.
func configuration(t *testing.T, server *sshserver.Server, lines string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(lines+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{path, server.Config}
}

func TestSSHErrors(t *testing.T) {
	s, server := host(t, "exit 3", sshserver.Options{})
	noHelper, _ := host(t, "", sshserver.Options{Command: "none/solution-bootstrap agent"})
	notRunnable, _ := host(t, "", sshserver.Options{Command: "/etc/passwd"})
	wantsPassword, _ := host(t, "", sshserver.Options{Command: "setpriv --reuid=65534 --clear-groups sudo -n solution-bootstrap agent"})
	remoteKilled, _ := host(t, "killed", sshserver.Options{})
	at := func(change func(*SSH)) SSH { changed := s; change(&changed); return changed }
	port := fmt.Sprint(s.Port)
	for name, tt := range map[string]struct {
		s          SSH
		reason     Reason
		text, hint string
	}{
		"its exit status": {s, Exit, "exit status 3: solutions.yaml: no  [31mspace left", "</dev/null"},
		"nothing listens": {at(func(s *SSH) { s.Port = closedPort(t) }), Unreachable, "the host cannot be reached (exit status 255): ssh: connect to host 127.0.0.1 port", "see that 127.0.0.1 is up"},
		"no such host":    {at(func(s *SSH) { s.Host = "none.invalid" }), UnknownHost, "the host's name is not known (exit status 255): ssh: Could not resolve hostname none.invalid", "ssh -p " + port + " none.invalid true"},
		"unknown key": {at(func(s *SSH) {
			s.userConfigs = configuration(t, server, "ControlPath none\nUserKnownHostsFile /dev/null")
		}), HostKeyUnknown, "the host's key is not known (exit status 255): Host key verification failed.", "connect once by hand, and compare the key that it shows: ssh -p " + port + " 127.0.0.1 true"},
		"changed key": {at(func(s *SSH) {
			s.userConfigs = configuration(t, server, "ControlPath none\nUserKnownHostsFile "+server.Folder+"/changed_hosts")
		}), HostKeyChanged, "the host's key has changed (exit status 255): Host key verification failed.", "ssh-keygen -R '[127.0.0.1]:" + port + "'"},
		"another user":      {at(func(s *SSH) { s.User = "none" }), Denied, "the host does not let you in (exit status 255): none@127.0.0.1: Permission denied (publickey).", "authorized_keys on 127.0.0.1"},
		"bad option":        {at(func(s *SSH) { s.userConfigs = configuration(t, server, "NoSuchOption x") }), Failed, "ssh failed (exit status 255): ", "ssh -v -p " + port + " 127.0.0.1 true"},
		"no helper":         {noHelper, NotFound, "the helper is not there, or cannot be started (exit status 127): ", "install solution-bootstrap on 127.0.0.1"},
		"helper not to run": {notRunnable, NotFound, "the helper is not there, or cannot be started (exit status 126): ", "install solution-bootstrap on 127.0.0.1"},
		"sudo asks":         {sudo(wantsPassword), SudoRefused, "sudo wants a password (exit status 1): sudo: a password is required", "NOPASSWD: /usr/local/bin/solution-bootstrap agent"},
		"sudo finds none":   {sudo(s), NotFound, "sudo does not find the helper (exit status 1): sudo: solution-bootstrap: command not found", "secure_path"},
		"killed there":      {remoteKilled, Failed, "ssh failed, or the helper was killed at once (exit status 255)", "ssh -v"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.reason == SudoRefused || tt.s.Sudo {
				needSudo(t)
			}
			failed := wantError(t, tt.s.Run(t.Context(), nil, nil), tt.reason, tt.text)
			if !strings.Contains(failed.Hint(), tt.hint) {
				t.Errorf("hint %q, want %q", failed.Hint(), tt.hint)
			}
			if !strings.HasPrefix(failed.Command, "ssh -F "+os.Getenv("XDG_RUNTIME_DIR")) {
				t.Errorf("command %s", failed.Command)
			}
		})
	}
}

func sudo(s SSH) SSH { s.Sudo = true; return s }

// needSudo skips a test where there is no sudo, or this is not root.
func needSudo(t *testing.T) {
	t.Helper()
	need.Root(t)
	need.Program(t, "sudo")
}

func TestNoSSH(t *testing.T) {
	runtimeFolder(t)
	t.Setenv("PATH", t.TempDir())
	failed := wantError(t, SSH{Host: "node"}.Run(t.Context(), nil, nil), NoSSH, `exec: "ssh": executable file not found in $PATH`)
	if failed.Hint() != "install the OpenSSH client, or run this on the bootstrap node" {
		t.Errorf("hint %q", failed.Hint())
	}
}

// Only a host whose key is known is good enough for an address that the user
// has not given, whatever the configuration says.
func TestSSHStrict(t *testing.T) {
	s, server := host(t, "echo", sshserver.Options{})
	s.userConfigs = configuration(t, server, "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nForwardAgent yes\nPermitLocalCommand yes\nLocalCommand echo noise\nRemoteCommand echo noise")
	var out bytes.Buffer
	if err := s.Run(t.Context(), nil, &out); err != nil || out.String() != "[\"agent\"]\n" {
		t.Errorf("%v, %q", err, &out)
	}
	// Nor is a connection good enough that somebody was less strict about.
	s.Mode = SSHStrict
	wantError(t, s.Run(t.Context(), nil, nil), HostKeyUnknown, "the host's key is not known")
}

// silentConfig has ssh notice a dead network soon, without sharing: the shared
// connection's own process would notice.
const silentConfig = "ServerAliveInterval 1\nServerAliveCountMax 1\nControlPath none"

// The connection ends in one way or another while the helper works.
func TestSSHLost(t *testing.T) {
	for name, tt := range map[string]struct {
		lines string
		end   func(*sshserver.Server)
	}{
		"cut":             {"", (*sshserver.Server).Cut},
		"cut, not shared": {"ControlPath none", (*sshserver.Server).Cut},
		"silent":          {silentConfig, func(s *sshserver.Server) { time.AfterFunc(4*time.Second, s.Silence()) }},
	} {
		t.Run(name, func(t *testing.T) {
			s, server := host(t, "waits for its client", sshserver.Options{})
			s.userConfigs = configuration(t, server, tt.lines)
			stdin, keep := io.Pipe()
			defer keep.Close()
			out := &signalWriter{written: make(chan struct{})}
			done := make(chan error, 1)
			go func() { done <- s.Run(t.Context(), stdin, out) }()
			<-out.written
			tt.end(server)
			wantError(t, <-done, Lost, "the connection was lost, or the helper was killed (exit status 255)")
			// And the next one works.
			if err := s.Run(t.Context(), nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSSHCancel(t *testing.T) {
	s, _ := host(t, "waits for its client", sshserver.Options{})
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &signalWriter{written: make(chan struct{})}
	stdin, keep := io.Pipe()
	defer keep.Close()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, stdin, out) }()
	<-out.written
	cancel(enough)
	wantError(t, <-done, Canceled, "enough")
}
