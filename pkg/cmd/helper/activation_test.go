// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// free returns an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// systemd opens the sockets, starts the service at the first connection, and is
// told how it does.
func TestSocketActivation(t *testing.T) {
	activate := need.Program(t, "systemd-socket-activate")
	n := newNode(t)
	// Where it would listen by itself, it cannot.
	text := "root: " + t.TempDir() + "\nregistry: {listen: ['192.0.2.1:1']}\nmetrics: {listen: ['192.0.2.1:2']}\n"
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	if err := manager.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		if k, err := manager.Read(buf); err != nil || string(buf[:k]) != want {
			t.Errorf("told %q, %v; want %q", buf[:k], err, want)
		}
	}
	registry, metrics := free(t), free(t)
	cmd := exec.CommandContext(t.Context(), activate, "-l", registry, "-l", metrics, "--fdname=any:metrics",
		"-E", asProgram+"=1", "-E", "NOTIFY_SOCKET="+path, os.Args[0], "serve", "--config", n.config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	for {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", registry)
		if err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	told("READY=1")
	for url, want := range map[string]int{registry + "/v2/": http.StatusOK, registry + "/metrics": http.StatusNotFound, metrics + "/metrics": http.StatusOK, metrics + "/v2/": http.StatusNotFound} {
		if status := n.status("http://" + url); status != want {
			t.Errorf("%s: status %d, want %d", url, status, want)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func TestBadSockets(t *testing.T) {
	n := newNode(t)
	shell := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=-1 exec "$0" serve --config "$1"`, os.Args[0], n.config)
	shell.Env = n.command("serve").Env
	out, err := shell.CombinedOutput()
	if want := "error: taking the sockets of systemd: LISTEN_FDS is \"-1\"\n"; err == nil || string(out) != want {
		t.Errorf("%v, %s", err, out)
	}
}
