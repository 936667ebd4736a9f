// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/test/namespace"
)

// mountNode is a bootstrap node, without systemd, that mounts.
type mountNode struct {
	*node
	root    string
	program string
}

func newMountNode(t *testing.T, mode mount.Mode) *mountNode {
	t.Helper()
	namespace.NeedFUSE(t)
	n := &mountNode{node: newNode(t), program: program(t)}
	n.root = filepath.Dir(n.config)
	n.setMode(mode)
	t.Cleanup(func() {
		for _, at := range n.mounts() {
			if err := syscall.Unmount(at.Dir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
		n.waitProcesses(0)
	})
	return n
}

func (n *mountNode) setMode(mode mount.Mode) {
	n.t.Helper()
	text := fmt.Sprintf("root: %s\nmount: %s\n", n.root, mode)
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// archive makes the archive of a version in the node's folder.
func (n *mountNode) archive(version string) string {
	n.t.Helper()
	path := filepath.Join(n.root, version+".iso")
	if err := os.Rename(archivetest.New(n.t).WithVersion(version).ISO(n.t), path); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// list lists archives in solutions.yaml by hand.
func (n *mountNode) list(paths ...string) {
	n.t.Helper()
	text := "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + strings.Join(paths, ", ") + "]\n"
	path := filepath.Join(n.root, "etc/metalk8s/solutions.yaml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		n.t.Fatal(err)
	}
}

// dir is where a version is to be mounted.
func (n *mountNode) dir(version string) string {
	return filepath.Join(n.root, "srv/scality/example-solution-"+version)
}

// agent returns the command that answers a request.
func (n *mountNode) agent(req protocol.Request, before ...string) *exec.Cmd {
	n.t.Helper()
	req.Protocol = protocol.Version
	data, err := json.Marshal(req)
	if err != nil {
		n.t.Fatal(err)
	}
	args := append(before, n.program, "agent", "--config", n.config)
	cmd := exec.CommandContext(n.t.Context(), args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(data)
	return cmd
}

// run runs an agent, and returns the change that it tells of.
func (n *mountNode) run(cmd *exec.Cmd) *protocol.ChangeResult {
	n.t.Helper()
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var last struct{ Result *protocol.ChangeResult }
	if jsonErr := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || jsonErr != nil || last.Result == nil {
		n.t.Fatalf("%v: %v: %s", err, jsonErr, out)
	}
	return last.Result
}

func (n *mountNode) imports(paths ...string) *protocol.ChangeResult {
	n.t.Helper()
	return n.run(n.agent(protocol.Request{Import: &protocol.ImportRequest{Archives: paths}}))
}

func (n *mountNode) unimports(paths ...string) *protocol.ChangeResult {
	n.t.Helper()
	return n.run(n.agent(protocol.Request{Unimport: &protocol.UnimportRequest{Archives: paths}}))
}

// sync tries first, and checks that this tells what is then done.
func (n *mountNode) sync() *protocol.ChangeResult {
	n.t.Helper()
	tried := n.run(n.agent(protocol.Request{Sync: &protocol.SyncRequest{Verify: true, DryRun: true}}))
	done := n.run(n.agent(protocol.Request{Sync: &protocol.SyncRequest{}}))
	if diff := cmp.Diff(itemLines(tried, false), itemLines(done, false)); diff != "" {
		n.t.Errorf("-tried +done:\n%s", diff)
	}
	return done
}

// itemLines are the items of a change, in words, perhaps with their warnings.
func itemLines(c *protocol.ChangeResult, warnings bool) []string {
	var lines []string
	for _, i := range c.Items {
		lines = append(lines, fmt.Sprintf("%s %s %s", i.Action, i.ID, filepath.Base(i.Subject)))
		for _, w := range i.Warnings {
			if warnings && !strings.HasPrefix(w, "systemd does not run here, so it is mounted until") {
				lines = append(lines, "  "+w)
			}
		}
	}
	return lines
}

// wantChange checks the items of a change, with $R for the root; problems come
// last.
func (n *mountNode) wantChange(c *protocol.ChangeResult, want ...string) {
	n.t.Helper()
	got := itemLines(c, true)
	for _, p := range c.State.Problems {
		got = append(got, "problem: "+p)
	}
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], n.root, "$R")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		n.t.Errorf("-want +got:\n%s", diff)
	}
}

// state asks what is imported, and checks that mountpoints are as they are said
// to be.
func (n *mountNode) state() *protocol.NodeState {
	n.t.Helper()
	out, err := n.agent(protocol.Request{List: &protocol.ListRequest{}}).Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var last struct{ Result *protocol.NodeState }
	if jsonErr := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || jsonErr != nil {
		n.t.Fatalf("%v: %v: %s", err, jsonErr, out)
	}
	return last.Result
}

// wantMounted checks that these versions, and no others, are mounted, in the
// list of the kernel and by what the helper says, and can be read.
func (n *mountNode) wantMounted(versions ...string) {
	n.t.Helper()
	said := map[string]bool{}
	for _, a := range n.state().Archives {
		if a.Mountpoint != "" {
			said[a.Mountpoint] = true
		}
	}
	for _, v := range versions {
		if !said[n.dir(v)] {
			n.t.Errorf("version %s is not said to be mounted: %v", v, said)
		}
		data, err := os.ReadFile(filepath.Join(n.dir(v), "manifest.yaml"))
		if err != nil || !strings.Contains(string(data), "version: "+v) {
			n.t.Errorf("version %s: %v: %s", v, err, data)
		}
	}
	if points := n.mounts(); len(points) != len(versions) || len(said) != len(versions) {
		n.t.Errorf("mounted: %+v, said to be mounted: %v, and should be: %v", points, said, versions)
	}
	n.waitProcesses(len(versions))
}

// wantFolders checks how many folders are left.
func (n *mountNode) wantFolders(count int) {
	n.t.Helper()
	entries, err := os.ReadDir(filepath.Join(n.root, "srv/scality"))
	if err != nil || len(entries) != count {
		n.t.Errorf("folders: %v, %v", entries, err)
	}
}

// mounts returns what the kernel has mounted below the node's root.
func (n *mountNode) mounts() []mount.Point {
	n.t.Helper()
	out, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		n.t.Fatal(err)
	}
	var points []mount.Point
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		words[4] = strings.ReplaceAll(words[4], `\040`, " ")
		if strings.HasPrefix(words[4], n.root+"/") {
			points = append(points, mount.Point{Dir: words[4], Options: strings.Split(words[5], ",")})
		}
	}
	return points
}

// waitProcesses waits until so many processes serve mounts.
func (n *mountNode) waitProcesses(count int) []int {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		ids := namespace.Processes(n.t, mount.HelperName)
		if len(ids) == count {
			return ids
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%d processes serve mounts, and %d should", len(ids), count)
		}
	}
}
