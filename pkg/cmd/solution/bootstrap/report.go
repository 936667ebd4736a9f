// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// report is what `bootstrap status` tells.
type report struct {
	OK       bool            `json:"ok"`
	Helper   reportedHelper  `json:"helper"`
	Cluster  reportedCluster `json:"cluster"`
	Registry []reachedAt     `json:"registry"`
	// Versions are those that the bootstrap node lists, in its order, and then
	// those that only the cluster knows.
	Versions []reportedVersion `json:"versions"`
	Problems []problem         `json:"problems"`
}

type reportedHelper struct {
	Address           string                `json:"address,omitempty"`
	Version           string                `json:"version,omitempty"`
	Protocol          int                   `json:"protocol,omitempty"`
	ConfigurationPath string                `json:"configurationPath,omitempty"`
	SolutionsPath     string                `json:"solutionsPath,omitempty"`
	Configuration     *config.Configuration `json:"configuration,omitempty"`
	Error             string                `json:"error,omitempty"`
}

type reportedCluster struct {
	// Endpoint is the registry's, as it is recorded.
	Endpoint string `json:"endpoint,omitempty"`
	Versions int    `json:"versions"`
	Error    string `json:"error,omitempty"`
}

type reachedAt struct {
	Listen  string `json:"listen"`
	Answers bool   `json:"answers"`
	Ready   bool   `json:"ready"`
	// Archives is how many it serves, nil where it does not tell.
	Archives *int   `json:"archives,omitempty"`
	Error    string `json:"error,omitempty"`
}

// reportedVersion is one archive, or one version that the cluster records. What
// is not known of it is nil.
type reportedVersion struct {
	ID      string `json:"id,omitempty"`
	Archive string `json:"archive"`
	// Listed says that solutions.yaml does, Served that the registry does on
	// each address where it answers, Recorded that the cluster does.
	Listed   *bool `json:"listed,omitempty"`
	Served   *bool `json:"served,omitempty"`
	Recorded *bool `json:"recorded,omitempty"`
	Active   *bool `json:"active,omitempty"`
	// Error says why the archive cannot be used.
	Error string `json:"error,omitempty"`

	record *v1alpha1.SolutionRecord
	// duplicate says that an archive listed before this one holds it too.
	duplicate bool
}

// problem is something that is not as it should be, and what helps.
type problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func newReport(f *facts) *report {
	r := &report{Helper: reportedHelper{Address: f.address}, Registry: []reachedAt{}, Problems: []problem{}}
	if f.catalog != nil {
		r.Cluster.Endpoint = f.catalog.Endpoint
		for _, records := range f.catalog.Records {
			r.Cluster.Versions += len(records)
		}
	} else {
		r.Cluster.Error = f.catalogErr.Error()
	}
	if s := f.node; s != nil {
		r.Helper.Version, r.Helper.Protocol, r.Helper.Configuration = s.Version, s.Protocol, &s.Configuration
		r.Helper.ConfigurationPath, r.Helper.SolutionsPath = s.ConfigurationPath, s.SolutionsPath
		for _, a := range s.Registry {
			r.Registry = append(r.Registry, reached(a))
		}
	} else {
		r.Helper.Error = f.nodeErr.Error()
	}
	r.Versions = f.versions()
	r.Problems = append(r.Problems, f.problems(r.Versions)...)
	r.OK = len(r.Problems) == 0
	return r
}

func reached(a protocol.RegistryStatus) reachedAt {
	at := reachedAt{Listen: a.Listen, Error: a.Error}
	if a.Readiness != nil {
		at.Answers, at.Ready = true, a.Readiness.Ready
		if a.Readiness.Archives != nil {
			at.Archives = new(len(a.Readiness.Archives))
		}
	}
	return at
}

// versions returns what solutions.yaml lists, and then what only the cluster
// records.
func (f *facts) versions() []reportedVersion {
	versions := []reportedVersion{}
	listed := map[string]bool{}
	if f.node != nil && f.node.State != nil {
		for _, a := range f.node.State.Archives {
			v := f.listed(a)
			listed[v.ID] = true
			versions = append(versions, v)
		}
	}
	if f.catalog == nil {
		return versions
	}
	for _, name := range slices.Sorted(maps.Keys(f.catalog.Records)) {
		for _, record := range f.catalog.Records[name] {
			id := v1alpha1.ID(name, record.Version)
			if listed[id] {
				continue
			}
			v := reportedVersion{ID: id, Archive: record.Archive, Recorded: new(true), Active: &record.Active, record: &record}
			v.Served = f.served(id, "")
			if f.node != nil && f.node.State != nil {
				v.Listed = new(false)
			}
			versions = append(versions, v)
		}
	}
	return versions
}

// listed returns what is known of an archive that solutions.yaml lists.
func (f *facts) listed(a protocol.ArchiveState) reportedVersion {
	v := reportedVersion{Archive: a.Path, Listed: new(true), Error: a.Error, duplicate: f.duplicate(a)}
	if a.Content != nil {
		v.ID = a.Content.ID
		v.Active = new(f.node.State.Active[a.Content.Name] == a.Content.Version)
	}
	if f.catalog != nil {
		v.Recorded = new(false)
		for name, records := range f.catalog.Records {
			for _, record := range records {
				if id := v1alpha1.ID(name, record.Version); id == v.ID || v.ID == "" && record.Archive == a.Path {
					v.ID, v.Recorded, v.record = id, new(true), &record
				}
			}
		}
	}
	v.Served = f.served(v.ID, a.Path)
	return v
}

// served tells whether the registry serves a version, or the archive at a path,
// wherever it answers.
func (f *facts) served(id, path string) *bool {
	if f.node == nil {
		return nil
	}
	var all *bool
	for _, at := range f.node.Registry {
		if at.Readiness == nil || at.Readiness.Archives == nil {
			continue
		}
		found := slices.ContainsFunc(at.Readiness.Archives, func(a protocol.ServedArchive) bool {
			return id != "" && a.ID == id || path != "" && a.Path == filepath.Clean(path)
		})
		all = new(found && (all == nil || *all))
	}
	return all
}

// problemOf is an error as a problem.
func problemOf(err error, advice string) problem {
	return problem{err.Error(), cmp.Or(hint.Of(err), advice)}
}
