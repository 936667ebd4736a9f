// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// inventory is the configuration with what its archives hold now.
type inventory struct {
	agent *Agent
	doc   *solutionsconfig.Document
	items []*archiveEntry
}

// archiveEntry is one archive of the configuration.
type archiveEntry struct {
	path    string // as the configuration has it
	content *v1alpha1.Content
	err     error // why there is no content
}

func (a *Agent) inventory(doc *solutionsconfig.Document) *inventory {
	inv := &inventory{agent: a, doc: doc}
	for _, path := range doc.Configuration().Archives {
		e := &archiveEntry{path: path}
		if e.content, _, e.err = inspect(path); e.err == nil {
			e.err = inv.checkID(e)
		}
		if e.err != nil {
			e.content = nil
		}
		inv.items = append(inv.items, e)
	}
	return inv
}

// checkID refuses an archive whose id is that of another Solution or version
// before it, as that of a's b-1.0 is that of a-b's 1.0. Whatever goes by the id
// would take one for the other.
func (inv *inventory) checkID(e *archiveEntry) error {
	other := inv.byID(e.content.ID)
	if other == nil || other.isSameVersion(e.content.Name, e.content.Version) {
		return nil
	}
	return fmt.Errorf("%s (%s version %s) and %s (%s version %s) have the same id %s, which is one repository in the registry",
		other.path, other.content.Name, other.content.Version, e.path, e.content.Name, e.content.Version, e.content.ID)
}

// isSameVersion reports whether the archive is known to hold a version.
func (e *archiveEntry) isSameVersion(name, version string) bool {
	return e.content != nil && e.content.Name == name && e.content.Version == version
}

// inspect reads what is in an archive, and an error where it cannot be
// imported. No blob is read.
func inspect(path string) (*v1alpha1.Content, archive.Report, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, archive.Report{}, err
	}
	defer a.Close()
	content, report := a.Inspect()
	if err := report.Err(archive.StageImport); err != nil {
		return nil, report, err
	}
	return content, report, nil
}

func (inv *inventory) byPath(path string) *archiveEntry {
	for _, e := range inv.items {
		if filepath.Clean(e.path) == path {
			return e
		}
	}
	return nil
}

// byID returns the first archive with an id. Others may be there after an edit
// by hand, of the same version.
func (inv *inventory) byID(id string) *archiveEntry {
	for _, e := range inv.items {
		if e.content != nil && e.content.ID == id {
			return e
		}
	}
	return nil
}

// allByVersion returns the archives of a version, one at most except after an
// edit by hand.
func (inv *inventory) allByVersion(name, version string) []*archiveEntry {
	var all []*archiveEntry
	for _, e := range inv.items {
		if e.isSameVersion(name, version) {
			all = append(all, e)
		}
	}
	return all
}

// versions returns the imported versions of a Solution.
func (inv *inventory) versions(name string) []string {
	var versions []string
	for _, e := range inv.items {
		if e.content != nil && e.content.Name == name {
			versions = append(versions, e.content.Version)
		}
	}
	slices.SortFunc(versions, v1alpha1.CompareVersions)
	return versions
}

// add imports an archive; the configuration is edited with it.
func (inv *inventory) add(path string, content *v1alpha1.Content) {
	inv.doc.AddArchive(path)
	inv.items = append(inv.items, &archiveEntry{path: path, content: content})
}

func (inv *inventory) remove(e *archiveEntry) {
	inv.doc.RemoveArchive(e.path)
	inv.items = slices.DeleteFunc(inv.items, func(other *archiveEntry) bool { return other.path == e.path })
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

func (inv *inventory) state() protocol.NodeState {
	c := inv.agent.Configuration
	s := protocol.NodeState{
		ConfigurationPath: c.SolutionsFile().Path,
		Endpoint:          c.Registry.Endpoint,
		Archives:          []protocol.ArchiveState{},
		Active:            map[string]string{},
		Unresolved:        inv.unresolved(),
	}
	mountpoints, err := inv.mountpoints()
	if err != nil {
		s.Problems = append(s.Problems, fmt.Sprintf("what is mounted cannot be told: %v", err))
	}
	for _, e := range inv.items {
		as := protocol.ArchiveState{Path: e.path, Content: e.content, Mountpoint: mountpoints[e.path]}
		if e.err != nil {
			as.Error = e.err.Error()
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
	for _, e := range inv.items {
		if e.content == nil {
			continue
		}
		if other, ok := first[e.content.ID]; ok {
			problems = append(problems, fmt.Sprintf("%s and %s both hold %s", other, e.path, e.content.ID))
			continue
		}
		first[e.content.ID] = e.path
	}
	return problems
}

// list answers a ListRequest.
func (a *Agent) list(ctx context.Context, req protocol.ListRequest) (*protocol.NodeState, error) {
	doc, err := a.Configuration.SolutionsFile().Read()
	if err != nil {
		return nil, withReason(protocol.ReasonInvalid, err)
	}
	inv := a.inventory(doc)
	for _, e := range inv.items {
		if err := a.markDamaged(ctx, e, req); err != nil {
			return nil, err
		}
	}
	s := inv.state()
	return &s, nil
}

// markDamaged takes the content of an archive away that is damaged.
func (a *Agent) markDamaged(ctx context.Context, e *archiveEntry, req protocol.ListRequest) error {
	switch {
	case e.content == nil:
	case slices.Contains(req.Damaged, e.path):
		e.content, e.err = nil, fmt.Errorf("%s is damaged", e.path)
	case req.Verify:
		v, err := a.verify(ctx, e.path)
		if err != nil {
			e.content, e.err = nil, err
			break
		}
		// Without the note the registry checks it itself.
		_ = a.Configuration.VerifiedFolder().Note(filepath.Clean(e.path), *v.state)
	}
	return ctx.Err()
}
