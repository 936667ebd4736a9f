// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// Mounter mounts archives on the node, as mount.Mounts does.
type Mounter interface {
	// Dirs returns where archives are mounted, "" for those that are not.
	Dirs(archives []mount.Archive) ([]string, error)
	// Reconcile mounts these archives and no others; mounts of the paths to
	// keep stay as they are. The error says why nothing can be done at all.
	Reconcile(ctx context.Context, archives []mount.Archive, keep []string, dryRun bool) ([]mount.Outcome, error)
}

// archives returns those that can be mounted, and the paths of those that
// cannot be read.
func (inv *inventory) archives() (readable []mount.Archive, unreadable []string) {
	for _, e := range inv.items {
		if e.content == nil {
			unreadable = append(unreadable, filepath.Clean(e.path))
			continue
		}
		readable = append(readable, mount.Archive{ID: e.content.ID, Path: filepath.Clean(e.path)})
	}
	return readable, unreadable
}

// mountpoints returns where archives are mounted, by their paths in the
// configuration.
func (inv *inventory) mountpoints() (map[string]string, error) {
	if inv.agent.Mounts == nil {
		return nil, nil
	}
	archives, _ := inv.archives()
	dirs, err := inv.agent.Mounts.Dirs(archives)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, e := range inv.items {
		if e.content != nil {
			found[e.path], dirs = dirs[0], dirs[1:]
		}
	}
	return found, nil
}

// mounting is what was done about mounts.
type mounting struct {
	outcomes []mount.Outcome
	err      error
	dryRun   bool
}

// mount mounts what is listed, and unmounts what is not. That this fails does
// not undo the change: nothing but the mounts depends on it.
func (inv *inventory) mount(ctx context.Context, dryRun bool) mounting {
	if inv.agent.Mounts == nil {
		return mounting{}
	}
	archives, unreadable := inv.archives()
	outcomes, err := inv.agent.Mounts.Reconcile(ctx, archives, unreadable, dryRun)
	return mounting{outcomes, err, dryRun}
}

// report adds to a change what was done about mounts: an item for each mount
// that was made or undone; what failed is a warning of the item that it
// concerns, and where there is none, a problem of the node.
func (m mounting) report(c *protocol.ChangeResult) {
	if m.err != nil {
		addWarning(c, advised(m.err), func(i protocol.ChangeItem) bool {
			return i.Action == protocol.Imported || i.Action == protocol.Unimported
		})
	}
	for _, o := range m.outcomes {
		if o.Err != nil {
			text := fmt.Sprintf("%s is not as it should be: %s", o.Dir, advised(o.Err))
			addWarning(c, text, func(i protocol.ChangeItem) bool { return filepath.Clean(i.Subject) == o.Path })
			continue
		}
		c.Items = append(c.Items, protocol.ChangeItem{Subject: o.Path, ID: o.ID, Action: protocol.Action(o.Action), Warnings: o.Notes})
		if m.dryRun {
			expectMount(&c.State, o)
		}
	}
}

// addWarning adds a warning to the items that it concerns, or else a problem.
func addWarning(c *protocol.ChangeResult, warning string, concerns func(protocol.ChangeItem) bool) {
	found := false
	for i := range c.Items {
		if concerns(c.Items[i]) {
			c.Items[i].Warnings = append(c.Items[i].Warnings, warning)
			found = true
		}
	}
	if !found {
		c.State.Problems = append(c.State.Problems, warning)
	}
}

// expectMount notes where an archive would be mounted.
func expectMount(s *protocol.NodeState, o mount.Outcome) {
	for i, a := range s.Archives {
		if o.Action == mount.Mounted && filepath.Clean(a.Path) == o.Path {
			s.Archives[i].Mountpoint = o.Dir
		}
	}
}

// advised is an error with its hint, for where that is one text.
func advised(err error) string {
	if h := hint.Of(err); h != "" {
		return fmt.Sprintf("%v; %s", err, h)
	}
	return err.Error()
}
