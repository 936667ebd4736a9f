// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// inventory is the configuration with what its archives hold now.
type inventory struct {
	agent *Agent
	doc   *solutionsconfig.Document
	items []*listed
}

// listed is one archive of the configuration.
type listed struct {
	path    string // as the configuration has it
	content *v1alpha1.Content
	err     error // why there is no content
}

func (a *Agent) inventory(doc *solutionsconfig.Document) *inventory {
	inv := &inventory{agent: a, doc: doc}
	for _, path := range doc.Configuration().Archives {
		content, err := inspect(path)
		inv.items = append(inv.items, &listed{path: path, content: content, err: err})
	}
	return inv
}

// inspect reads what is in an archive, and an error where it cannot be
// imported. No blob is read.
func inspect(path string) (*v1alpha1.Content, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	content, report := a.Inspect()
	if err := report.Err(archive.StageImport); err != nil {
		return nil, err
	}
	return content, nil
}

func (inv *inventory) byPath(path string) *listed {
	for _, l := range inv.items {
		if filepath.Clean(l.path) == path {
			return l
		}
	}
	return nil
}

func (inv *inventory) byID(id string) *listed {
	if all := inv.allByID(id); len(all) > 0 {
		return all[0]
	}
	return nil
}

// allByID returns one archive at most, except after an edit by hand.
func (inv *inventory) allByID(id string) []*listed {
	var all []*listed
	for _, l := range inv.items {
		if l.content != nil && l.content.ID == id {
			all = append(all, l)
		}
	}
	return all
}

// versions returns the imported versions of a Solution.
func (inv *inventory) versions(name string) []string {
	var versions []string
	for _, l := range inv.items {
		if l.content != nil && l.content.Name == name {
			versions = append(versions, l.content.Version)
		}
	}
	slices.SortFunc(versions, v1alpha1.CompareVersions)
	return versions
}

// add imports an archive; the configuration is edited with it.
func (inv *inventory) add(path string, content *v1alpha1.Content) {
	inv.doc.AddArchive(path)
	inv.items = append(inv.items, &listed{path: path, content: content})
}

func (inv *inventory) remove(l *listed) {
	inv.doc.RemoveArchive(l.path)
	inv.items = slices.DeleteFunc(inv.items, func(other *listed) bool { return other.path == l.path })
}

// unresolved returns the Solutions with an active version that none of the
// readable archives holds, sorted.
func (inv *inventory) unresolved() []string {
	var names []string
	for name, entry := range inv.doc.Configuration().Active {
		if resolveActive(entry, inv.versions(name)) == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (inv *inventory) state() State {
	c := inv.agent.Configuration
	s := State{
		ConfigurationPath: c.SolutionsFile().Path,
		Endpoint:          c.Registry.Endpoint,
		Archives:          []ArchiveState{},
		Active:            map[string]string{},
		Unresolved:        inv.unresolved(),
	}
	mountpoints, err := inv.mountpoints()
	if err != nil {
		s.Problems = append(s.Problems, fmt.Sprintf("what is mounted cannot be told: %v", err))
	}
	for _, l := range inv.items {
		as := ArchiveState{Path: l.path, Content: l.content, Mountpoint: mountpoints[l.path]}
		if l.err != nil {
			as.Error = l.err.Error()
		}
		s.Archives = append(s.Archives, as)
	}
	active := inv.doc.Configuration().Active
	for _, name := range slices.Sorted(maps.Keys(active)) {
		if active[name] == v1alpha1.LatestVersion {
			s.Latest = append(s.Latest, name)
		}
		version := resolveActive(active[name], inv.versions(name))
		if version == "" {
			s.Problems = append(s.Problems, fmt.Sprintf("%s: active version %s of %s is not imported", s.ConfigurationPath, active[name], name))
			continue
		}
		s.Active[name] = version
	}
	s.Problems = append(s.Problems, inv.duplicates()...)
	return s
}

// duplicates tells of archives that hold the same Solution and version, which
// an edit by hand can bring about. The first one in the list counts.
func (inv *inventory) duplicates() []string {
	var problems []string
	first := map[string]string{}
	for _, l := range inv.items {
		if l.content == nil {
			continue
		}
		if other, ok := first[l.content.ID]; ok {
			problems = append(problems, fmt.Sprintf("%s and %s both hold %s", other, l.path, l.content.ID))
			continue
		}
		first[l.content.ID] = l.path
	}
	return problems
}

// list answers a ListRequest.
func (a *Agent) list(ctx context.Context, req ListRequest) (*State, error) {
	doc, err := a.Configuration.SolutionsFile().Read()
	if err != nil {
		return nil, reasoned(ReasonInvalid, err)
	}
	inv := a.inventory(doc)
	for _, l := range inv.items {
		if err := a.distrust(ctx, l, req); err != nil {
			return nil, err
		}
	}
	s := inv.state()
	return &s, nil
}

// distrust takes the content away of an archive that is damaged.
func (a *Agent) distrust(ctx context.Context, l *listed, req ListRequest) error {
	switch {
	case l.content == nil:
	case slices.Contains(req.Damaged, l.path):
		l.content, l.err = nil, fmt.Errorf("%s is damaged", l.path)
	case req.Verify:
		v, err := a.verify(ctx, l.path)
		if err != nil {
			l.content, l.err = nil, err
			break
		}
		// Without the note the registry checks it itself.
		_ = a.Configuration.VerifiedFolder().Note(filepath.Clean(l.path), *v.state)
	}
	return ctx.Err()
}
