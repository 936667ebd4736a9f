// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// verified is an archive that has passed a full check.
type verified struct {
	content  *v1alpha1.Content
	warnings []string
}

// verify checks every rule and every blob of an archive.
func (a *Agent) verify(ctx context.Context, path string) (*verified, error) {
	opened, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	report, err := opened.Verify(ctx, archive.VerifyOptions{Progress: a.progress("checking " + path)})
	if err != nil {
		return nil, err
	}
	if err := report.Err(archive.StageImport); err != nil {
		return nil, hint.With(err, "kubectl solution check %s tells everything that is wrong with it", path)
	}
	content, _ := opened.Inspect()
	v := &verified{content: content}
	for _, f := range report.Findings {
		v.warnings = append(v.warnings, f.String())
	}
	return v, nil
}

// check answers a CheckRequest. An archive that cannot be opened is an error,
// for it has nothing to report on.
func (a *Agent) check(ctx context.Context, req CheckRequest) (*CheckResult, error) {
	paths, err := cleanPaths(req.Archives)
	if err != nil {
		return nil, reasoned(ReasonBadRequest, err)
	}
	result := &CheckResult{}
	for _, path := range paths {
		checked, err := a.checkOne(ctx, path, req.Structure)
		if err != nil {
			return nil, reasoned(ReasonInvalid, err)
		}
		result.Archives = append(result.Archives, *checked)
	}
	return result, nil
}

func (a *Agent) checkOne(ctx context.Context, path string, structure bool) (*CheckedArchive, error) {
	opened, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	content, report := opened.Inspect()
	if !structure {
		report, err = opened.Verify(ctx, archive.VerifyOptions{Progress: a.progress("checking " + path)})
	}
	return &CheckedArchive{Content: content, Report: report}, err
}

// importArchives checks all archives that are not listed yet before it takes
// the first. The check, which can take minutes, holds no lock.
func (a *Agent) importArchives(ctx context.Context, holder string, req ImportRequest) (*Change, error) {
	paths, err := cleanPaths(req.Archives)
	if err != nil {
		return nil, reasoned(ReasonBadRequest, err)
	}
	checked, err := a.verifyNew(ctx, paths, req.DryRun && req.Structure)
	if err != nil {
		return nil, reasoned(ReasonInvalid, err)
	}
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*Change, error) {
		return importInto(inv, paths, checked)
	})
}

func (a *Agent) verifyNew(ctx context.Context, paths []string, structure bool) (map[string]*verified, error) {
	doc, err := a.Configuration.SolutionsFile().Read()
	if err != nil {
		return nil, err
	}
	inv := a.inventory(doc)
	checked := map[string]*verified{}
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

func (a *Agent) verifyOne(ctx context.Context, path string, structure bool) (*verified, error) {
	if !structure {
		return a.verify(ctx, path)
	}
	content, err := inspect(path)
	if err != nil {
		return nil, err
	}
	return &verified{content: content}, nil
}

func importInto(inv *inventory, paths []string, checked map[string]*verified) (*Change, error) {
	change := &Change{}
	for _, path := range paths {
		if l := inv.byPath(path); l != nil {
			if l.err != nil {
				return nil, reasoned(ReasonInvalid, fmt.Errorf("%s is imported already, and cannot be used any more: %w", path, l.err))
			}
			change.Items = append(change.Items, ChangeItem{Subject: path, ID: l.content.ID, Action: Unchanged})
			continue
		}
		v := checked[path]
		if v == nil {
			return nil, reasoned(ReasonConflict, fmt.Errorf("%s was removed from the configuration while it was being imported", path))
		}
		if other := inv.byID(v.content.ID); other != nil {
			advice := "to replace the imported one, first run: kubectl solution unimport " + other.path
			if checked[other.path] != nil {
				advice = "import one of them"
			}
			return nil, reasoned(ReasonConflict, hint.With(
				fmt.Errorf("%s and %s both hold %s version %s", other.path, path, v.content.Name, v.content.Version), "%s", advice))
		}
		inv.add(path, v.content)
		change.Items = append(change.Items, ChangeItem{Subject: path, ID: v.content.ID, Action: Imported, Warnings: v.warnings})
	}
	return change, nil
}

func (a *Agent) unimport(ctx context.Context, holder string, req UnimportRequest) (*Change, error) {
	paths, err := cleanPaths(req.Archives)
	if err != nil {
		return nil, reasoned(ReasonBadRequest, err)
	}
	if len(paths) == 0 && (req.Name == "" || req.Version == "") {
		return nil, reasoned(ReasonBadRequest, errors.New("a path, or a Solution and its version, is needed"))
	}
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*Change, error) {
		return unimportFrom(inv, paths, req)
	})
}

func unimportFrom(inv *inventory, paths []string, req UnimportRequest) (*Change, error) {
	change := &Change{}
	var found []*listed
	if req.Name != "" {
		id := v1alpha1.ID(req.Name, req.Version)
		if found = inv.allByID(id); len(found) == 0 {
			change.Items = append(change.Items, ChangeItem{Subject: id, ID: id, Action: Unchanged})
		}
	}
	for _, path := range paths {
		switch l := inv.byPath(path); {
		case l == nil:
			change.Items = append(change.Items, ChangeItem{Subject: path, Action: Unchanged})
		case !slices.Contains(found, l):
			found = append(found, l)
		}
	}
	for _, l := range found {
		if err := inv.mayRemove(l, found); err != nil {
			return nil, reasoned(ReasonInUse, err)
		}
	}
	for _, l := range found {
		item := ChangeItem{Subject: l.path, Action: Unimported}
		if l.content != nil {
			item.ID = l.content.ID
		}
		inv.remove(l)
		change.Items = append(change.Items, item)
	}
	return change, nil
}

// mayRemove refuses the archive of an active version, unless another archive,
// not among those removed, holds it too. Of an archive that cannot be read, it
// may be any active version that is found nowhere else.
func (inv *inventory) mayRemove(l *listed, removed []*listed) error {
	const advice = "first run: kubectl solution deactivate %s"
	if l.content == nil {
		if names := inv.unresolved(); len(names) > 0 {
			return hint.With(fmt.Errorf("%s cannot be read, and may hold the active version of %s", l.path, strings.Join(names, ", ")), advice, names[0])
		}
		return nil
	}
	for _, other := range inv.allByID(l.content.ID) {
		if other.path != l.path && !slices.Contains(removed, other) {
			return nil
		}
	}
	name := l.content.Name
	entry, ok := inv.doc.Configuration().Active[name]
	if !ok || resolveActive(entry, inv.versions(name)) != l.content.Version {
		return nil
	}
	err := fmt.Errorf("%s version %s (%s) is active", name, l.content.Version, l.path)
	for _, other := range slices.Backward(inv.items) {
		// To deactivate deletes every custom resource: better not to.
		if other.content != nil && other.content.Name == name && other.content.ID != l.content.ID && !slices.Contains(removed, other) {
			err = hint.With(err, "first activate another version: kubectl solution activate %s --version %s", name, other.content.Version)
		}
	}
	return hint.With(err, advice, name)
}

func (a *Agent) activate(ctx context.Context, holder string, req ActivateRequest) (*Change, error) {
	if req.Version == "" {
		req.Version = v1alpha1.LatestVersion
	}
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*Change, error) {
		versions := inv.versions(req.Name)
		version := resolveActive(req.Version, versions)
		switch {
		case len(versions) == 0:
			return nil, reasoned(ReasonNotFound, hint.With(fmt.Errorf("solution %q is not imported", req.Name),
				"kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it"))
		case version == "":
			return nil, reasoned(ReasonNotFound, hint.With(fmt.Errorf("version %s of Solution %s is not imported", req.Version, req.Name),
				"imported versions are: %s", strings.Join(versions, ", ")))
		}
		item := ChangeItem{Subject: req.Name, ID: v1alpha1.ID(req.Name, version), Action: Unchanged}
		if inv.doc.SetActive(req.Name, req.Version) {
			item.Action = Activated
		}
		return &Change{Items: []ChangeItem{item}}, nil
	})
}

func (a *Agent) deactivate(ctx context.Context, holder string, req DeactivateRequest) (*Change, error) {
	return a.change(ctx, holder, req.DryRun, func(inv *inventory) (*Change, error) {
		_, known := inv.doc.Configuration().Active[req.Name]
		if !known && len(inv.versions(req.Name)) == 0 {
			return nil, reasoned(ReasonNotFound, hint.With(fmt.Errorf("solution %q is not imported", req.Name), "kubectl solution get lists what is"))
		}
		item := ChangeItem{Subject: req.Name, Action: Unchanged}
		if inv.doc.UnsetActive(req.Name) {
			item.Action = Deactivated
		}
		return &Change{Items: []ChangeItem{item}}, nil
	})
}

// cleanPaths refuses what cannot be the path of an archive, and drops what is
// named twice.
func cleanPaths(paths []string) ([]string, error) {
	var clean []string
	seen := map[string]bool{}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("archive %q: the path on the bootstrap node must be absolute", path)
		}
		if strings.ContainsFunc(path, unicode.IsControl) {
			return nil, fmt.Errorf("archive %q: a path holds no control characters", path)
		}
		path = filepath.Clean(path)
		if !seen[path] {
			seen[path] = true
			clean = append(clean, path)
		}
	}
	return clean, nil
}

// readFiles answers a ReadRequest.
func readFiles(req ReadRequest) (*ReadResult, error) {
	paths, err := cleanPaths([]string{req.Archive})
	if err != nil {
		return nil, reasoned(ReasonBadRequest, err)
	}
	opened, err := archive.Open(paths[0])
	if err != nil {
		return nil, reasoned(ReasonInvalid, err)
	}
	defer opened.Close()
	result := &ReadResult{}
	for _, name := range req.Paths {
		data, err := opened.ReadFile(name)
		if err != nil {
			return nil, reasoned(ReasonNotFound, fmt.Errorf("reading %s: %w", paths[0], err))
		}
		result.Files = append(result.Files, File{Path: name, Data: data})
	}
	return result, nil
}
