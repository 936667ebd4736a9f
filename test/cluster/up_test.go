// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endTimeout is what is left to a loaded machine to end a cluster, which takes a fraction of a second.
const endTimeout = 20 * time.Second

// running is a devcluster up in a process of its own.
type running struct {
	cmd        *exec.Cmd
	stdin      io.Closer
	stderr     *bytes.Buffer
	ended      chan error
	kubeconfig string
}

func startUp(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := &running{ended: make(chan error, 1), stderr: &bytes.Buffer{}, kubeconfig: filepath.Join(dir, "admin.kubeconfig")}
	r.cmd = devcluster(t, append([]string{"up", "--dir", dir}, args...)...)
	r.cmd.Stderr = r.stderr
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(r.kubeconfig); err == nil {
			return r
		}
		select {
		case err := <-r.ended:
			t.Fatalf("ended before it was ready: %v\n%s", err, r.stderr)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready in time")
		}
	}
}

// end waits for a clean end.
func (r *running) end(t *testing.T) {
	t.Helper()
	asked := time.Now()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Fatalf("ended with %v\n%s", err, r.stderr)
		}
		t.Logf("ended in %v\n%s", time.Since(asked).Round(time.Millisecond), r.stderr)
	case <-time.After(endTimeout):
		t.Fatal("does not end")
	}
	if _, err := os.Stat(r.kubeconfig); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", r.kubeconfig, err)
	}
}

func devcluster(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asDevcluster+"=1")
	return cmd
}

func (r *running) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := devcluster(t, append([]string{"kubectl", "--kubeconfig", r.kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// A cluster is started on free ports, ended by a signal, and started again where it was.
func TestUpResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real control planes, 15 s: skipped with -short")
	}
	dir := t.TempDir()
	first := startUp(t, dir, "--port=0", "--etcd-port=0")
	first.kubectl(t, "get", "serviceaccount", "default") // no waiting: it is what the kubeconfig stands for
	first.kubectl(t, "create", "configmap", "kept", "--from-literal=a=b")
	server := first.kubectl(t, "config", "view", "--output=jsonpath={.clusters[0].cluster.server}")

	second, err := devcluster(t, "up", "--dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(second), "another devcluster is running in "+dir) {
		t.Errorf("a second one in the same folder: %v\n%s", err, second)
	}
	first.kubectl(t, "get", "configmap", "kept") // the second one left the first one's kubeconfig alone

	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.end(t)

	again := startUp(t, dir, "--until-stdin-closes")
	if got := again.kubectl(t, "get", "configmap", "kept", "--output=jsonpath={.data.a}"); got != "b" {
		t.Errorf("after the restart the configmap holds %q, want b", got)
	}
	if got := again.kubectl(t, "config", "view", "--output=jsonpath={.clusters[0].cluster.server}"); got != server {
		t.Errorf("started again on %s, was on %s", got, server)
	}
	// The controllers work: a new namespace gets its service account.
	again.kubectl(t, "create", "namespace", "fresh")
	again.kubectl(t, "wait", "--for=create", "--timeout=60s", "--namespace=fresh", "serviceaccount/default")
	if err := again.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	again.end(t)
}
