// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
	"github.com/metalk8s/kubectl-solution/test/namespace"
)

// asProgram has this test binary be solution-bootstrap.
const asProgram = "TEST_AS_SOLUTION_BOOTSTRAP"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Execute(helper.NewCommand(os.Stdin, os.Stdout, os.Stderr, "test")))
	}
	status := namespace.Main(m)
	removeProgram()
	os.Exit(status)
}

// node is a bootstrap node: a root with a configuration of the helper.
type node struct {
	t      *testing.T
	config string
	// metrics is where they are, once it serves with metrics.listen.
	metrics string
}

func newNode(t *testing.T) *node {
	t.Helper()
	root := t.TempDir()
	n := &node{t: t, config: filepath.Join(root, "solution-bootstrap.yaml")}
	text := "root: " + root + "\nregistry:\n  listen: ['127.0.0.1:0', '[::1]:0']\n"
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(n.t.Context(), os.Args[0], append(args, "--config", n.config)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// ask sends a request to solution-bootstrap agent.
func (n *node) ask(request string) {
	n.t.Helper()
	cmd := n.command("agent")
	cmd.Stdin = strings.NewReader(request)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(`"result"`)) {
		n.t.Fatalf("%s: %v\n%s", request, err, out)
	}
}

// serve starts solution-bootstrap serve, and returns the addresses where it
// listens.
func (n *node) serve() (*exec.Cmd, []string) {
	n.t.Helper()
	cmd := n.command("serve")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = cmd.Process.Kill() })
	var addresses []string
	configured, err := os.ReadFile(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	wanted := strings.Count(string(configured), "metrics:")
	for lines := bufio.NewScanner(stderr); (len(addresses) < 2 || len(n.metrics) < wanted) && lines.Scan(); {
		if _, address, found := strings.Cut(lines.Text(), `msg="listening for metrics" address=`); found {
			n.metrics = address
		}
		if _, address, found := strings.Cut(lines.Text(), "msg=listening address="); found {
			addresses = append(addresses, strings.Trim(address, `"`))
		}
	}
	if len(addresses) != 2 {
		n.t.Fatalf("it listens on %q", addresses)
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return cmd, addresses
}

// status asks for a path.
func (n *node) status(url string) int {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), http.MethodHead, url, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		n.t.Error(err)
	}
	return response.StatusCode
}

// becomes waits for a status, and logs how long it took.
func (n *node) becomes(url string, status int) {
	n.t.Helper()
	start := time.Now()
	for n.status(url) != status {
		if time.Since(start) > 10*time.Second {
			n.t.Fatalf("%s is not %d after 10 seconds", url, status)
		}
		time.Sleep(5 * time.Millisecond)
	}
	n.t.Logf("%d after %v", status, time.Since(start).Round(time.Millisecond))
}

// What the agent imports and removes, the registry serves and does not, within
// a second unless the machine is busy.
func TestServe(t *testing.T) {
	n := newNode(t)
	iso := archivetest.New(t).ISO(t)
	cmd, addresses := n.serve()
	for range 3 {
		n.ask(`{"protocol":1,"import":{"archives":["` + iso + `"]}}`)
		for _, address := range addresses {
			n.becomes("http://"+address+"/v2/example-solution-1.0.0/example-solution-ui/manifests/1.0.0", http.StatusOK)
		}
		n.ask(`{"protocol":1,"unimport":{"archives":["` + iso + `"]}}`)
		n.becomes("http://"+addresses[0]+"/v2/example-solution-1.0.0/example-solution-ui/manifests/1.0.0", http.StatusNotFound)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

func TestServeRefuses(t *testing.T) {
	n := newNode(t)
	if err := os.WriteFile(n.config, []byte("registry: {listen: ['5000']}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := n.command("serve").CombinedOutput()
	want := "error: reading the helper's configuration " + n.config + ": registry.listen: \"5000\" is not of the form host:port or :port\n" +
		"hint: for example \":5000\", \"192.168.1.10:5000\" or \"[::1]:5000\"\n"
	if err == nil || string(out) != want {
		t.Errorf("%v\n%s", err, out)
	}
}
