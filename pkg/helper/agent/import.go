// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// importArchives checks all archives that are not listed yet before it takes
// the first. The check, which can take minutes, holds no lock.
func (a *Agent) importArchives(ctx context.Context, holder string, req protocol.ImportRequest) (*protocol.ChangeResult, error) {
	paths, err := a.archivePaths(req.Archives)
	if err != nil {
		return nil, err
	}
	checked, err := a.verifyNew(ctx, paths, req.DryRun && req.Structure)
	if err != nil {
		return nil, withReason(protocol.ReasonInvalid, err)
	}
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*protocol.ChangeResult, error) {
		change, err := importInto(inv, paths, checked)
		if err == nil && !req.DryRun {
			a.noteImported(change, checked)
		}
		return change, err
	})
}

// noteImported notes which archives were checked, before they are listed: the
// registry looks for it when it sees them there.
func (a *Agent) noteImported(change *protocol.ChangeResult, checked map[string]*verifiedArchive) {
	for i := range change.Items {
		item := &change.Items[i]
		if item.Action != protocol.Imported {
			continue
		}
		if err := a.Configuration.VerifiedFolder().Note(item.Subject, *checked[item.Subject].state); err != nil {
			item.Warnings = append(item.Warnings, err.Error()+": the registry will check it once more")
		}
	}
}

func (a *Agent) verifyNew(ctx context.Context, paths []string, structure bool) (map[string]*verifiedArchive, error) {
	doc, err := a.Configuration.SolutionsFile().Read()
	if err != nil {
		return nil, err
	}
	inv := a.inventory(doc)
	checked := map[string]*verifiedArchive{}
	var failed []error
	for _, path := range paths {
		if inv.byPath(path) != nil {
			continue
		}
		v, err := a.verifyOne(ctx, path, structure)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		checked[path] = v
	}
	return checked, errors.Join(failed...)
}

func (a *Agent) verifyOne(ctx context.Context, path string, structure bool) (*verifiedArchive, error) {
	if !structure {
		return a.verify(ctx, path)
	}
	content, report, err := inspect(path)
	if err != nil {
		return nil, err
	}
	return &verifiedArchive{content: content, warnings: warningsOf(report)}, nil
}

func importInto(inv *inventory, paths []string, checked map[string]*verifiedArchive) (*protocol.ChangeResult, error) {
	change := &protocol.ChangeResult{}
	for _, path := range paths {
		if e := inv.byPath(path); e != nil {
			if e.err != nil {
				return nil, withReason(protocol.ReasonInvalid, fmt.Errorf("%s is imported already, and cannot be used any more: %w", path, e.err))
			}
			change.Items = append(change.Items, protocol.ChangeItem{Subject: path, ID: e.content.ID, Action: protocol.Unchanged})
			continue
		}
		v := checked[path]
		if v == nil {
			return nil, withReason(protocol.ReasonConflict, fmt.Errorf("%s was removed from the configuration while it was being imported", path))
		}
		if other := inv.byID(v.content.ID); other != nil {
			err := inv.checkID(&archiveEntry{path: path, content: v.content})
			if err == nil {
				err = fmt.Errorf("%s and %s both hold %s version %s", other.path, path, v.content.Name, v.content.Version)
			}
			advice := "to replace the imported one, first run: kubectl solution unimport " + other.path
			if checked[other.path] != nil {
				advice = "import one of them"
			}
			return nil, withReason(protocol.ReasonConflict, hint.With(err, "%s", advice))
		}
		inv.add(path, v.content)
		change.Items = append(change.Items, protocol.ChangeItem{Subject: path, ID: v.content.ID, Action: protocol.Imported, Warnings: v.warnings})
	}
	return change, nil
}
