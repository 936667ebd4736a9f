// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func (a *Agent) unimport(ctx context.Context, holder string, req protocol.UnimportRequest) (*protocol.ChangeResult, error) {
	paths, err := cleanPaths(req.Archives)
	if err != nil {
		return nil, withReason(protocol.ReasonBadRequest, err)
	}
	if len(paths) == 0 && (req.Name == "" || req.Version == "") {
		return nil, withReason(protocol.ReasonBadRequest, errors.New("a path, or a Solution and its version, is needed"))
	}
	done, err := a.change(ctx, holder, req.DryRun, func(inv *inventory) (*protocol.ChangeResult, error) {
		change, err := unimportFrom(inv, paths, req)
		if err == nil && req.DeleteArchive {
			err = a.mayDelete(change)
		}
		return change, err
	})
	if err == nil && req.DeleteArchive {
		err = deleteArchives(done, req.DryRun)
	}
	return done, err
}

// mayDelete refuses to delete files that were not uploaded: they are someone's
// who brought them there.
func (a *Agent) mayDelete(change *protocol.ChangeResult) error {
	for _, i := range change.Items {
		if i.Action == protocol.Unimported && filepath.Dir(i.Subject) != filepath.Clean(a.Configuration.Archives.Upload) {
			return withReason(protocol.ReasonInvalid, hint.With(fmt.Errorf("%s was not uploaded: it is not in %s", i.Subject, a.Configuration.Archives.Upload),
				"run the command without --delete-archive, and delete the file by hand"))
		}
	}
	return nil
}

// deleteArchives deletes the files of archives that are not listed any more.
func deleteArchives(c *protocol.ChangeResult, dryRun bool) error {
	for _, i := range c.Items {
		if i.Action != protocol.Unimported {
			continue
		}
		if !dryRun {
			if err := os.Remove(i.Subject); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the archive is unimported, and its file is not deleted: %w", err)
			}
		}
		c.Items = append(c.Items, protocol.ChangeItem{Subject: i.Subject, Action: protocol.Deleted})
	}
	return nil
}

func unimportFrom(inv *inventory, paths []string, req protocol.UnimportRequest) (*protocol.ChangeResult, error) {
	change := &protocol.ChangeResult{}
	var found []*archiveEntry
	if req.Name != "" {
		id := v1alpha1.ID(req.Name, req.Version)
		if found = inv.allByVersion(req.Name, req.Version); len(found) == 0 {
			change.Items = append(change.Items, protocol.ChangeItem{Subject: id, ID: id, Action: protocol.Unchanged})
		}
	}
	for _, path := range paths {
		switch e := inv.byPath(path); {
		case e == nil:
			change.Items = append(change.Items, protocol.ChangeItem{Subject: path, Action: protocol.Unchanged})
		case !slices.Contains(found, e):
			found = append(found, e)
		}
	}
	for _, e := range found {
		if err := inv.mayRemove(e, found); err != nil {
			return nil, withReason(protocol.ReasonInUse, err)
		}
	}
	for _, e := range found {
		item := protocol.ChangeItem{Subject: e.path, Action: protocol.Unimported}
		if e.content != nil {
			item.ID = e.content.ID
		}
		inv.remove(e)
		change.Items = append(change.Items, item)
	}
	return change, nil
}

// mayRemove refuses the archive of an active version, unless another archive,
// not among those removed, holds it too. Of an archive that cannot be read, it
// may be any active version that is found nowhere else.
func (inv *inventory) mayRemove(e *archiveEntry, removed []*archiveEntry) error {
	const advice = "first run: kubectl solution deactivate %s"
	if e.content == nil {
		if names := inv.unresolved(); len(names) > 0 {
			return hint.With(fmt.Errorf("%s cannot be read, and may hold the active version of %s", e.path, strings.Join(names, ", ")), advice, names[0])
		}
		return nil
	}
	for _, other := range inv.allByVersion(e.content.Name, e.content.Version) {
		if other.path != e.path && !slices.Contains(removed, other) {
			return nil
		}
	}
	name := e.content.Name
	entry, ok := inv.doc.Configuration().Active[name]
	if !ok || resolveActive(entry, inv.versions(name)) != e.content.Version {
		return nil
	}
	err := fmt.Errorf("%s version %s (%s) is active", name, e.content.Version, e.path)
	for _, other := range slices.Backward(inv.items) {
		// To deactivate deletes every custom resource: better not to.
		if other.content != nil && other.content.Name == name && other.content.ID != e.content.ID && !slices.Contains(removed, other) {
			err = hint.With(err, "first activate another version: kubectl solution activate %s --version %s", name, other.content.Version)
		}
	}
	return hint.With(err, advice, name)
}

func (a *Agent) activate(ctx context.Context, holder string, req protocol.ActivateRequest) (*protocol.ChangeResult, error) {
	if req.Version == "" {
		req.Version = v1alpha1.LatestVersion
	}
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*protocol.ChangeResult, error) {
		versions := inv.versions(req.Name)
		version := resolveActive(req.Version, versions)
		switch {
		case len(versions) == 0:
			return nil, withReason(protocol.ReasonNotFound, hint.With(fmt.Errorf("solution %q is not imported", req.Name),
				"kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it"))
		case version == "":
			return nil, withReason(protocol.ReasonNotFound, hint.With(fmt.Errorf("version %s of Solution %s is not imported", req.Version, req.Name),
				"imported versions are: %s", strings.Join(versions, ", ")))
		}
		item := protocol.ChangeItem{Subject: req.Name, ID: v1alpha1.ID(req.Name, version), Action: protocol.Unchanged}
		if inv.doc.SetActive(req.Name, req.Version) {
			item.Action = protocol.Activated
		}
		return &protocol.ChangeResult{Items: []protocol.ChangeItem{item}}, nil
	})
}

func (a *Agent) deactivate(ctx context.Context, holder string, req protocol.DeactivateRequest) (*protocol.ChangeResult, error) {
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*protocol.ChangeResult, error) {
		_, known := inv.doc.Configuration().Active[req.Name]
		if !known && len(inv.versions(req.Name)) == 0 {
			return nil, withReason(protocol.ReasonNotFound, hint.With(fmt.Errorf("solution %q is not imported", req.Name), "kubectl solution get lists what is"))
		}
		item := protocol.ChangeItem{Subject: req.Name, Action: protocol.Unchanged}
		if inv.doc.UnsetActive(req.Name) {
			item.Action = protocol.Deactivated
		}
		return &protocol.ChangeResult{Items: []protocol.ChangeItem{item}}, nil
	})
}
