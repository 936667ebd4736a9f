// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// helperFolder is where the real helper is built, once.
var helperFolder string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "solution-bootstrap-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	helperFolder = folder
	return m.Run()
}

var buildHelper = sync.OnceValues(func() (string, error) {
	path := filepath.Join(helperFolder, "solution-bootstrap")
	out, err := exec.Command("go", "build", "-o", path, "../../../cmd/solution-bootstrap").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building solution-bootstrap: %w\n%s", err, out)
	}
	return path, nil
})

// realClient asks the real program, with the configuration of a node.
func realClient(t *testing.T, n *node) *client.Client {
	t.Helper()
	program, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("root: "+n.root+"\nregistry: {endpoint: 'registry:5000'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return clientOf(program, "--config", config)
}

// clientOf asks a program, which gets these arguments.
func clientOf(program string, args ...string) *client.Client {
	return &client.Client{Runner: remote.Local{Program: program, Args: args}}
}

func TestRealHelper(t *testing.T) {
	n := newNode(t)
	client, ctx := realClient(t, n), t.Context()
	var last protocol.Progress
	client.Progress = func(p protocol.Progress) { last = p }
	paths := []string{n.archive("1.0.101"), n.archive("1.0.102")}
	c, err := client.Import(ctx, protocol.ImportRequest{Archives: paths})
	if err != nil {
		t.Fatal(err)
	}
	n.wantItems(c, "imported 1.0.101.iso example-solution-1.0.101", "imported 1.0.102.iso example-solution-1.0.102")
	if last.Step != "checking "+paths[1] || last.Done != last.Total || last.Total == 0 {
		t.Errorf("progress %+v", last)
	}
	if c, err = client.Activate(ctx, protocol.ActivateRequest{Name: solutionName}); err != nil || c.State.Active[solutionName] != "1.0.102" {
		t.Errorf("activate: %+v, %v", c, err)
	}
	role := []string{"operator/deploy/role.yaml"}
	files, err := client.Read(ctx, protocol.ReadRequest{Archives: []protocol.ReadArchive{{Archive: paths[1], Paths: role}, {Archive: paths[0], Paths: role}}})
	if err != nil || len(files.Archives) != 2 || !strings.Contains(string(files.Archives[1].Files[0].Data), "kind: ClusterRole") {
		t.Errorf("read: %+v, %v", files, err)
	}
	checked, err := client.Check(ctx, protocol.CheckRequest{Archives: paths[:1]})
	if err != nil || len(checked.Archives) != 1 || !checked.Archives[0].Report.OK() {
		t.Errorf("check: %+v, %v", checked, err)
	}
	configuration, err := client.Configuration(ctx)
	if err != nil || !cmp.Equal(*configuration, n.agent().Configuration) {
		t.Errorf("configuration: %+v, %v", configuration, err)
	}
	if c, err = client.Deactivate(ctx, protocol.DeactivateRequest{Name: solutionName}); err != nil || len(c.State.Active) != 0 {
		t.Errorf("deactivate: %+v, %v", c, err)
	}
	if c, err = client.Unimport(ctx, protocol.UnimportRequest{Archives: paths[:1]}); err != nil {
		t.Error(err)
	}
	state, err := client.List(ctx, protocol.ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.State, *state); diff != "" {
		t.Errorf("state after the change, and as listed:\n%s", diff)
	}
	n.wantArchives(*state, "1.0.102.iso example-solution-1.0.102")
}

// The helper's reason and hint come over, and its exit status adds nothing.
func TestRealHelperFails(t *testing.T) {
	n := newNode(t)
	real := realClient(t, n)
	_, err := real.Activate(t.Context(), protocol.ActivateRequest{Name: "none"})
	wantRemote(t, err, `solution "none" is not imported`, "kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it", protocol.ReasonNotFound)
	n.configure("[]")
	_, err = real.List(t.Context(), protocol.ListRequest{})
	wantRemote(t, err, "reading "+n.root+"/etc/metalk8s/solutions.yaml:1: not a YAML mapping", "", protocol.ReasonInvalid)
	program, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientOf(program, "--config", "/none.yaml").List(t.Context(), protocol.ListRequest{})
	wantRemote(t, err, "reading the helper's configuration: open /none.yaml: no such file or directory", "", protocol.ReasonInvalid)
	_, err = clientOf(program, "--no-such-flag").List(t.Context(), protocol.ListRequest{})
	var failed *remote.RunError
	if !errors.As(err, &failed) || failed.Reason != remote.Exit || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") && !strings.Contains(failed.Stderr, "unknown flag: --no-such-flag") {
		t.Errorf("an agent that does not start: %v", err)
	}
}

func wantRemote(t *testing.T, err error, message, advice string, reason protocol.Reason) {
	t.Helper()
	var failed *client.RemoteError
	if !errors.As(err, &failed) || err.Error() != message || hint.Of(err) != advice || failed.Reason != reason {
		t.Errorf("error %v, hint %q; want %s: %s, hint %q", err, hint.Of(err), reason, message, advice)
	}
}
