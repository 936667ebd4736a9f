// SPDX-License-Identifier: Apache-2.0

// Package sshserver gives tests a real sshd, on a free port of the loopback
// address, with keys made for the test. What goes over the network passes
// through this package, so that a test can cut it off or let it go silent.
package sshserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// Options are what a test may want of the server.
type Options struct {
	// Command is a forced command, with `restrict`, of the key.
	Command string
	// Environment is that of what runs on the server. Its HOME is Folder, so
	// that no login script of the user's counts.
	Environment map[string]string
	// Lines are further lines of sshd_config.
	Lines []string
	// Enter is a command that runs sshd, as nsenter does. It has to see Folder.
	Enter []string
}

// Server is a running sshd.
type Server struct {
	// Port is where it listens, on 127.0.0.1.
	Port int
	// Config is an ssh_config with which the server lets the user in.
	Config string
	// Folder holds all files of the server.
	Folder string

	sshd     []string
	listener net.Listener
	flow     sync.RWMutex // locked while the network is silent
	left     atomic.Int64 // of CutAfter, 0 for no limit
	received atomic.Int64
	running  sync.WaitGroup

	mu     sync.Mutex
	links  []*link
	closed bool
}

// Need starts a server, which ends with the test. Without sshd the test is
// skipped, and where the environment says CI=true it fails.
func Need(t testing.TB, options Options) *Server {
	t.Helper()
	sshd, err := findSSHD()
	if err != nil {
		need.Missing(t, "%v (make packages)", err)
	}
	// The path of a socket is to be short, and t.TempDir's is not.
	folder, err := os.MkdirTemp("", "sshd") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s := &Server{Folder: folder, Config: filepath.Join(folder, "ssh_config"), sshd: append(options.Enter, sshd)}
	if err := errors.Join(s.makeKeys(t.Context(), options.Command), s.listen()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := s.configure(options); err != nil {
		t.Fatal(err)
	}
	go s.serve(context.WithoutCancel(t.Context()))
	return s
}

// findSSHD returns sshd, which has to be started by its whole path.
func findSSHD() (string, error) {
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/lib/ssh/sshd"} {
		if _, err := exec.LookPath(path); err == nil {
			// sshd wants this folder where it is root; the service makes it.
			if os.Geteuid() == 0 {
				return path, os.MkdirAll("/run/sshd", 0o755)
			}
			return path, nil
		}
	}
	return "", errors.New("there is no sshd (openssh-server)")
}

func (s *Server) makeKeys(ctx context.Context, command string) error {
	for _, name := range []string{"host_key", "other_host_key", "user_key"} {
		out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", filepath.Join(s.Folder, name)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("making a key: %w\n%s", err, out)
		}
	}
	line, err := os.ReadFile(filepath.Join(s.Folder, "user_key.pub"))
	if err != nil {
		return err
	}
	text := string(line)
	if command != "" {
		text = fmt.Sprintf("command=%q,restrict %s", command, line)
	}
	return s.write("authorized_keys", text)
}

func (s *Server) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.Folder, name), []byte(text), 0o600)
}

func (s *Server) configure(options Options) error {
	lines := append([]string{
		"HostKey " + filepath.Join(s.Folder, "host_key"),
		"AuthorizedKeysFile " + filepath.Join(s.Folder, "authorized_keys"),
		"UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"StrictModes no", // the folder is below one that all may write to
		"PidFile none",
	}, options.Lines...)
	variables := []string{fmt.Sprintf("%q", "HOME="+s.Folder)}
	for name, value := range options.Environment {
		variables = append(variables, fmt.Sprintf("%q", name+"="+value))
	}
	lines = append(lines, "SetEnv "+strings.Join(variables, " "))
	return errors.Join(
		s.write("sshd_config", strings.Join(lines, "\n")+"\n"),
		s.write("ssh_config", strings.Join(s.clientLines("known_hosts"), "\n")+"\n"),
		s.Know("known_hosts", "host_key"),
		s.Know("changed_hosts", "other_host_key"),
	)
}

// clientLines are a client's configuration.
func (s *Server) clientLines(knownHosts string) []string {
	return []string{
		"IdentityFile " + filepath.Join(s.Folder, "user_key"), "IdentitiesOnly yes", "IdentityAgent none",
		"UserKnownHostsFile " + filepath.Join(s.Folder, knownHosts), "GlobalKnownHostsFile /dev/null",
	}
}

// Know writes a file of known hosts, in which the server has the given key.
func (s *Server) Know(name, key string) error {
	line, err := os.ReadFile(filepath.Join(s.Folder, key+".pub"))
	if err != nil {
		return err
	}
	return s.write(name, fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, line))
}

// Wrapper returns a folder with a program `ssh` that is the system's, with the
// keys of the test: the system's reads those of the user who runs it, whatever
// $HOME is.
func (s *Server) Wrapper(t testing.TB) string {
	t.Helper()
	real, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nexec " + real
	for _, line := range s.clientLines("known_hosts") {
		name, value, _ := strings.Cut(line, " ")
		text += fmt.Sprintf(" -o %s=%s", name, value)
	}
	folder := filepath.Join(s.Folder, "bin")
	path := filepath.Join(folder, "ssh")
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(path, []byte(text+" \"$@\"\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Address is where the helper is, for --bootstrap.
func (s *Server) Address() string { return fmt.Sprintf("ssh://127.0.0.1:%d", s.Port) }
