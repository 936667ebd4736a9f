// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// node is a running node of hack/node.sh.
type node struct {
	checkout
	dir     string
	address string

	run   *exec.Cmd
	stdin io.Closer
}

// startNode starts the node that a checkout has for its tests, in place of one
// that a test before has left. When the test ends, the node does, and nothing of
// it must be left.
func startNode(t *testing.T, c checkout) *node {
	t.Helper()
	n := &node{checkout: c, dir: c.path(".e2e")}
	n.down(t)
	before := machineState(t)
	if err := n.start(t.Context()); err != nil {
		t.Fatalf("starting a node: %v", err)
	}
	own := n.traces(t)
	t.Cleanup(func() {
		if t.Failed() {
			n.showLogs(t)
		}
		n.end(t)
		own.check(t)
		if diff := cmp.Diff(before, machineState(t)); diff != "" {
			t.Errorf("the node has changed the machine (-before +after):\n%s", diff)
		}
	})
	return n
}

func (n *node) bin() string                { return filepath.Join(n.dir, "bin") }
func (n *node) kubeconfig() string         { return filepath.Join(n.dir, "cluster", "admin.kubeconfig") }
func (n *node) logFile(name string) string { return filepath.Join(n.dir, "log", name+".log") }

// start runs the node until the standard input of its script ends, and so at
// the latest until this process does, however that comes about.
func (n *node) start(ctx context.Context) error {
	n.run = n.node(context.WithoutCancel(ctx), "run", n.dir)
	var stderr bytes.Buffer
	n.run.Stderr = &stderr
	stdin, err := n.run.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := n.run.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.run.Start(); err != nil {
		return err
	}
	n.stdin = stdin
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		return fmt.Errorf("it said %q (%w, %w): %s", line, err, n.run.Wait(), &stderr)
	}
	address, err := os.ReadFile(filepath.Join(n.dir, "address"))
	if err != nil {
		return err
	}
	n.address = strings.TrimSpace(string(address))
	if err := os.Mkdir(n.bin(), 0o755); err != nil {
		return err
	}
	return os.Symlink(n.path("bin", "devcluster"), filepath.Join(n.bin(), "kubectl"))
}

// end kills the script that keeps the node, which so has nobody left, and cleans
// up after it.
func (n *node) end(t *testing.T) {
	t.Helper()
	if err := n.run.Process.Kill(); err != nil {
		t.Error(err)
	}
	n.stdin.Close()
	_ = n.run.Wait() // killed
	n.down(t)
}

func (n *node) down(t *testing.T) {
	t.Helper()
	if out, err := n.node(context.WithoutCancel(t.Context()), "down", n.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// showLogs prints the end of what the node's processes had to say.
func (n *node) showLogs(t *testing.T) {
	t.Helper()
	const lines = 30
	files, err := filepath.Glob(filepath.Join(n.dir, "log", "*.log"))
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		all := strings.SplitAfter(string(data), "\n")
		t.Logf("%s ends with:\n%s", file, strings.Join(all[max(0, len(all)-lines):], ""))
	}
}

// exec runs a command in the node, as part of a script.
func (n *node) exec(ts *testscript.TestScript, args ...string) error {
	return ts.Exec(n.path("hack", "node.sh"), append([]string{"exec", n.dir}, args...)...)
}

func nodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: node COMMAND ARG…")
	}
	if err := state(ts).node.exec(ts, args...); (err != nil) != neg {
		ts.Fatalf("in the node: %v", err)
	}
}

func startCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME COMMAND ARG…")
	}
	state(ts).node.startProgram(ts, args[0], args[1:]...)
}

func stopCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stop NAME")
	}
	n := state(ts).node
	ts.Check(ts.Exec(n.path("hack", "node.sh"), "stop", n.dir, args[0]))
}

func ctrCommand(ts *testscript.TestScript, neg bool, args []string) {
	err := state(ts).node.exec(ts, append([]string{"ctr", "--namespace", "k8s.io"}, args...)...)
	if (err != nil) != neg {
		ts.Fatalf("ctr ended with %v", err)
	}
}

// pullCommand differs from a pull by the kubelet in who asks: containerd's own
// client does what its plugin does for the kubelet, with the same configuration.
func pullCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: pull REFERENCE ARG…")
	}
	ctrCommand(ts, neg, append([]string{"images", "pull", "--hosts-dir", "/run/node/certs.d"}, append(args[1:], args[0])...))
}
