// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

func TestDryRunsLeaveNothing(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	for _, structure := range []bool{true, false} {
		c := resultOf[protocol.ChangeResult](n, protocol.Request{Import: &protocol.ImportRequest{Archives: []string{iso}, DryRun: true, Structure: structure}})
		n.wantItems(c, "imported 1.0.101.iso example-solution-1.0.101")
		n.wantArchives(c.State, "1.0.101.iso example-solution-1.0.101")
	}
	// Structure is for dry runs: a real import reads every blob.
	damaged := n.damaged("1.0.102")
	if c := resultOf[protocol.ChangeResult](n, protocol.Request{Import: &protocol.ImportRequest{Archives: []string{damaged}, DryRun: true, Structure: true}}); len(c.Items) != 1 {
		t.Errorf("%+v", c)
	}
	for _, req := range []protocol.ImportRequest{{DryRun: true}, {Structure: true}} {
		req.Archives = []string{damaged}
		if list := n.serve(n.agent(), protocol.Request{Import: &req}); list[len(list)-1].Error == nil {
			t.Errorf("%+v takes a damaged archive", req)
		}
	}
	resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{iso}, DryRun: true}})
	n.nothingLeft()

	n.importAll(iso)
	before := n.configuration()
	lock := n.agent().Configuration.SolutionsFile().Path + ".lock"
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	c := resultOf[protocol.ChangeResult](n, protocol.Request{Activate: &protocol.ActivateRequest{Name: solutionName, DryRun: true}})
	if c.State.Active[solutionName] != "1.0.101" {
		t.Errorf("%+v", c.State)
	}
	resultOf[protocol.ChangeResult](n, protocol.Request{Deactivate: &protocol.DeactivateRequest{Name: solutionName, DryRun: true}})
	c = resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{iso}, DryRun: true}})
	n.wantArchives(c.State)
	entries, err := os.ReadDir(filepath.Dir(lock))
	if err != nil || len(entries) != 1 || n.configuration() != before {
		t.Errorf("%v, %v; configuration\n%s", entries, err, n.configuration())
	}
}

func TestLocked(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	n.importAll(iso)
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	agent := n.agent()
	agent.LockTimeout = 30 * time.Millisecond
	list := n.serve(agent, protocol.Request{Activate: &protocol.ActivateRequest{Name: solutionName}})
	want := &protocol.Failure{
		Message: fmt.Sprintf("locking %s: locked by alice@laptop (pid %d): waited 30ms", agent.Configuration.SolutionsFile().Path, os.Getpid()),
		Hint:    "another change is under way on the bootstrap node; run the command again when it has ended", Reason: protocol.ReasonLocked,
	}
	if diff := cmp.Diff(want, list[len(list)-1].Error); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Who only looks does not wait.
	list = n.serve(agent, protocol.Request{List: &protocol.ListRequest{Verify: true}})
	if list[len(list)-1].Error != nil {
		t.Errorf("list: %+v", list[len(list)-1].Error)
	}
	list = n.serve(agent, protocol.Request{Activate: &protocol.ActivateRequest{Name: solutionName, DryRun: true}})
	if list[len(list)-1].Error != nil {
		t.Errorf("dry run: %+v", list[len(list)-1].Error)
	}
	// Who waits long enough goes on.
	done := make(chan []protocol.Event)
	go func() {
		done <- n.serve(n.agent(), protocol.Request{Activate: &protocol.ActivateRequest{Name: solutionName}, Holder: "bob"})
	}()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if list := <-done; list[len(list)-1].Error != nil {
		t.Errorf("after the lock is free: %+v", list[len(list)-1].Error)
	}
}

// All at once, nobody's import is lost.
func TestConcurrentImports(t *testing.T) {
	n := newNode(t)
	var paths []string
	for i := range 20 {
		paths = append(paths, n.archive(fmt.Sprintf("1.0.1%02d", i)))
	}
	var wait sync.WaitGroup
	for _, path := range paths {
		wait.Go(func() {
			list := n.serve(n.agent(), protocol.Request{Import: &protocol.ImportRequest{Archives: []string{path}}, Holder: path})
			if failure := list[len(list)-1].Error; failure != nil {
				t.Errorf("%s: %+v", path, *failure)
			}
		})
	}
	wait.Wait()
	var listed []string
	for _, a := range n.list().Archives {
		if a.Content == nil || a.Content.Version+".iso" != filepath.Base(a.Path) {
			t.Errorf("%+v", a)
		}
		listed = append(listed, a.Path)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(paths, listed); diff != "" {
		t.Errorf("-imported +listed:\n%s", diff)
	}
}

func TestCanceled(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, req := range map[string]protocol.Request{
		"import": {Import: &protocol.ImportRequest{Archives: []string{iso}}},
		"check":  {Check: &protocol.CheckRequest{Archives: []string{iso}}},
	} {
		req.Protocol = protocol.Version
		data, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := n.agent().Serve(ctx, bytes.NewReader(data), &out); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		parseEvents(t, out.String())
	}
	n.nothingLeft()
}

// What keeps the lock from being made is not told of as somebody's lock.
func TestUnlockable(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	if err := os.MkdirAll(filepath.Join(n.root, "etc/metalk8s/solutions.yaml.lock"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.refused(protocol.Request{Import: &protocol.ImportRequest{Archives: []string{iso}}}, protocol.ReasonInternal,
		"locking $R/etc/metalk8s/solutions.yaml: open $R/etc/metalk8s/solutions.yaml.lock: is a directory", "")
}
