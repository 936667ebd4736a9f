// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// notedMounter notes what it is to do, and says that it did what outcome has.
// What it is for is tested, with real mounts, in pkg/cmd/helper.
type notedMounter struct {
	mounted []string // paths
	asked   []string
	outcome func(mount.Archive) mount.Outcome
	extra   []mount.Outcome
	err     error
	dirsErr error
}

func (m *notedMounter) Dirs(archives []mount.Archive) ([]string, error) {
	var dirs []string
	for _, a := range archives {
		if slices.Contains(m.mounted, a.Path) {
			dirs = append(dirs, "/srv/scality/"+a.ID)
		} else {
			dirs = append(dirs, "")
		}
	}
	return dirs, m.dirsErr
}

func (m *notedMounter) Reconcile(_ context.Context, archives []mount.Archive, keep []string, dryRun bool) ([]mount.Outcome, error) {
	line := fmt.Sprintf("dry run %t:", dryRun)
	var outcomes []mount.Outcome
	for _, a := range archives {
		line += " " + a.ID + "=" + filepath.Base(a.Path)
		if m.outcome != nil && m.err == nil {
			outcomes = append(outcomes, m.outcome(a))
		}
		if !dryRun {
			m.mounted = append(m.mounted, a.Path)
		}
	}
	for _, path := range keep {
		line += " keep " + filepath.Base(path)
	}
	m.asked = append(m.asked, line)
	return append(outcomes, m.extra...), m.err
}

func done(a mount.Archive) mount.Outcome {
	return mount.Outcome{Archive: a, Dir: "/srv/scality/" + a.ID, Action: mount.Mounted, Notes: []string{"noted"}}
}

func failed(a mount.Archive) mount.Outcome {
	return mount.Outcome{Archive: a, Dir: "/srv/scality/" + a.ID, Err: hint.With(errors.New("it failed"), "do something")}
}

// askMounting returns the lines of what a request does with a mounter.
func (n *node) askMounting(m *notedMounter, req protocol.Request) (*protocol.ChangeResult, []string) {
	n.t.Helper()
	a := n.agent()
	a.Mounts = m
	list := n.serve(a, req)
	c := &protocol.ChangeResult{}
	if err := json.Unmarshal(list[len(list)-1].Result, c); err != nil {
		n.t.Fatalf("%v: %+v", err, list[len(list)-1].Error)
	}
	lines := items(c)
	for _, i := range c.Items {
		for _, w := range i.Warnings {
			lines = append(lines, filepath.Base(i.Subject)+" warns: "+w)
		}
	}
	for _, p := range c.State.Problems {
		lines = append(lines, "problem: "+p)
	}
	return c, lines
}

func TestMountReports(t *testing.T) {
	unable := hint.With(errors.New("cannot mount"), "become root")
	for name, tt := range map[string]struct {
		mounter *notedMounter
		want    []string
	}{
		"nothing to do": {&notedMounter{}, []string{"imported 1.0.102.iso example-solution-1.0.102"}},
		"done": {&notedMounter{outcome: done}, []string{
			"imported 1.0.102.iso example-solution-1.0.102", "mounted 1.0.101.iso example-solution-1.0.101", "mounted 1.0.102.iso example-solution-1.0.102",
			"1.0.101.iso warns: noted", "1.0.102.iso warns: noted",
		}},
		// Of what the command names it is a warning.
		"failed": {&notedMounter{outcome: failed}, []string{
			"imported 1.0.102.iso example-solution-1.0.102",
			"1.0.102.iso warns: /srv/scality/example-solution-1.0.102 is not as it should be: it failed; do something",
			"problem: /srv/scality/example-solution-1.0.101 is not as it should be: it failed; do something",
		}},
		"unable": {&notedMounter{outcome: done, err: unable}, []string{
			"imported 1.0.102.iso example-solution-1.0.102", "1.0.102.iso warns: cannot mount; become root",
		}},
		"left over": {&notedMounter{extra: []mount.Outcome{{Archive: mount.Archive{ID: "old-1", Path: "/old.iso"}, Action: mount.Unmounted}}}, []string{
			"imported 1.0.102.iso example-solution-1.0.102", "unmounted old.iso old-1",
		}},
		"cannot tell": {&notedMounter{dirsErr: errors.New("no proc")}, []string{
			"imported 1.0.102.iso example-solution-1.0.102", "problem: what is mounted cannot be told: no proc",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			first, second := n.archive("1.0.101"), n.archive("1.0.102")
			n.importAll(first)
			request := &protocol.ImportRequest{Archives: []string{second}, DryRun: true}
			tried, _ := n.askMounting(tt.mounter, protocol.Request{Import: request})
			wouldMount := strings.HasPrefix(name, "done")
			for _, a := range tried.State.Archives {
				if (a.Mountpoint != "") != wouldMount {
					t.Errorf("%s would be mounted at %q", a.Path, a.Mountpoint)
				}
			}
			request.DryRun = false
			c, lines := n.askMounting(tt.mounter, protocol.Request{Import: request})
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if mounted := c.State.Archives[0].Mountpoint; tt.mounter.dirsErr == nil && mounted != "/srv/scality/example-solution-1.0.101" {
				t.Errorf("mounted at %q", mounted)
			}
			both := "example-solution-1.0.101=1.0.101.iso example-solution-1.0.102=1.0.102.iso"
			if diff := cmp.Diff([]string{"dry run true: " + both, "dry run false: " + both}, tt.mounter.asked); diff != "" {
				t.Errorf("asked, -want +got:\n%s", diff)
			}
		})
	}
}

// Sync takes no lock, and so makes no file, where there is nothing to do.
func TestSync(t *testing.T) {
	n := newNode(t)
	m := &notedMounter{}
	if _, lines := n.askMounting(m, protocol.Request{Sync: &protocol.SyncRequest{}}); len(lines) != 0 {
		t.Errorf("%q", lines)
	}
	n.nothingLeft()
	whole, damaged := n.archive("1.0.101"), n.damaged("1.0.102")
	n.configure("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + whole + ", " + damaged + "]\n")
	m = &notedMounter{outcome: done}
	c, lines := n.askMounting(m, protocol.Request{Sync: &protocol.SyncRequest{Verify: true}})
	if diff := cmp.Diff([]string{"mounted 1.0.101.iso example-solution-1.0.101", "1.0.101.iso warns: noted"}, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	const asked = "example-solution-1.0.101=1.0.101.iso keep 1.0.102.iso"
	if diff := cmp.Diff([]string{"dry run true: " + asked, "dry run false: " + asked}, m.asked); diff != "" {
		t.Errorf("asked, -want +got:\n%s", diff)
	}
	if c.State.Archives[1].Content != nil || !strings.Contains(c.State.Archives[1].Error, "digest") {
		t.Errorf("the damaged one: %+v", c.State.Archives[1])
	}
	for _, req := range []protocol.SyncRequest{{DryRun: true, Verify: true}, {DryRun: true, Damaged: []string{damaged}}} {
		m.asked = nil
		n.askMounting(m, protocol.Request{Sync: &req})
		if diff := cmp.Diff([]string{"dry run true: " + asked}, m.asked); diff != "" {
			t.Errorf("%+v: asked, -want +got:\n%s", req, diff)
		}
	}
	// What fails is tried each time.
	m = &notedMounter{outcome: failed}
	_, lines = n.askMounting(m, protocol.Request{Sync: &protocol.SyncRequest{Damaged: []string{damaged}}})
	if diff := cmp.Diff([]string{"problem: /srv/scality/example-solution-1.0.101 is not as it should be: it failed; do something"}, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
