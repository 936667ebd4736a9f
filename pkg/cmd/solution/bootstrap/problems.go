// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
	"github.com/metalk8s/kubectl-solution/pkg/service/pod"
)

// What helps against most of what can be wrong.
const (
	adviseStart    = "on the bootstrap node, run: systemctl start solution-bootstrap (or solution-bootstrap serve), and see its log: " + serviceLog
	advisePodStart = "see whether its container runs: kubectl describe pod " + podSelector + ", and its log: " + podLog
	adviseSync     = "to make the cluster match the bootstrap node, run: kubectl solution sync"
	adviseLog      = "it sees a change within a second; if this stays, its log tells why: "

	serviceLog  = "journalctl -u solution-bootstrap"
	podSelector = "-n " + v1alpha1.Namespace + " -l " + v1alpha1.AppLabel + "=" + pod.Name
	podLog      = "kubectl logs " + podSelector + " -c " + pod.RegistryContainer
)

// adviseStart tells how to start the registry, which runs where the helper does.
func (f *facts) adviseStart() string {
	if strings.HasPrefix(f.address, remote.PodScheme) {
		return advisePodStart
	}
	return adviseStart
}

// adviseLog tells where the registry's log is.
func (f *facts) adviseLog() string {
	if strings.HasPrefix(f.address, remote.PodScheme) {
		return adviseLog + podLog
	}
	return adviseLog + serviceLog
}

// problems compares what bootstrap node, registry and cluster say.
func (f *facts) problems(versions []reportedVersion) []problem {
	var list []problem
	if f.nodeErr != nil {
		list = append(list, problemOf(f.nodeErr, "--bootstrap says where the helper is"))
	}
	if f.catalogErr != nil {
		list = append(list, problemOf(f.catalogErr, "kubectl cluster-info tells whether the API server answers"))
	}
	if f.node != nil {
		list = append(list, f.nodeProblems()...)
		list = append(list, f.endpointProblems()...)
	}
	for _, v := range versions {
		list = append(list, f.versionProblems(v)...)
	}
	return list
}

// nodeProblems are those of solutions.yaml and of the registry as a whole.
func (f *facts) nodeProblems() []problem {
	var list []problem
	s := f.node
	if s.State == nil {
		list = append(list, problem{s.Error, "correct the file on the bootstrap node; what the registry served before goes on"})
	} else {
		for _, text := range s.State.Problems {
			list = append(list, problem{text, fmt.Sprintf("edit %s on the bootstrap node, or import what is missing; then run: kubectl solution sync", s.SolutionsPath)})
		}
	}
	// It may say on one address what it does not on another.
	told := slices.ContainsFunc(s.Registry, func(at protocol.RegistryStatus) bool { return at.Readiness != nil && at.Readiness.Archives != nil })
	for _, at := range s.Registry {
		if at.Readiness == nil {
			list = append(list, problem{fmt.Sprintf("the registry does not answer at %s: %s", at.Listen, at.Error), f.adviseStart()})
			continue
		}
		if at.Readiness.Archives == nil && !at.Readiness.Ready && !told {
			list = append(list, problem{fmt.Sprintf("the registry at %s says that not all is well, and tells a stranger no more", at.Listen), f.adviseLog()})
		}
		for _, p := range at.Readiness.Problems {
			known := problem{fmt.Sprintf("%s: %s", p.Path, p.Error), f.adviseLog()}
			if !f.reported(p) && !slices.Contains(list, known) {
				list = append(list, known)
			}
		}
		for _, a := range at.Readiness.Archives {
			extra := problem{fmt.Sprintf("the registry serves %s from %s, which %s does not list", a.ID, a.Path, s.SolutionsPath), f.adviseLog()}
			if s.State != nil && !lists(s.State, a.Path) && !slices.Contains(list, extra) {
				list = append(list, extra)
			}
		}
	}
	return list
}

// reported tells whether the helper says itself what the registry finds wrong.
func (f *facts) reported(p protocol.ServingProblem) bool {
	if f.node.State == nil {
		return p.Path == f.node.SolutionsPath
	}
	for _, a := range f.node.State.Archives {
		if filepath.Clean(a.Path) == p.Path && (a.Error != "" || f.duplicate(a)) {
			return true
		}
	}
	return false
}

// duplicate tells whether an archive before this one holds the same version.
func (f *facts) duplicate(a protocol.ArchiveState) bool {
	for _, other := range f.node.State.Archives {
		if other.Path == a.Path {
			return false
		}
		if other.Content != nil && a.Content != nil && other.Content.ID == a.Content.ID {
			return true
		}
	}
	return false
}

func lists(s *protocol.NodeState, path string) bool {
	return slices.ContainsFunc(s.Archives, func(a protocol.ArchiveState) bool { return filepath.Clean(a.Path) == path })
}

// endpointProblems compares where images are said to be.
func (f *facts) endpointProblems() []problem {
	configured := f.node.Configuration.Registry.Endpoint
	if f.catalog == nil || f.catalog.ConfigMap == nil || f.catalog.Endpoint == configured {
		return nil
	}
	message := fmt.Sprintf("the cluster records %s as the registry's endpoint, and the bootstrap node has %s", f.catalog.Endpoint, configured)
	if f.catalog.Endpoint == "" {
		message = fmt.Sprintf("the cluster records no endpoint of the registry, and the bootstrap node has %s", configured)
	}
	return []problem{{message, "run: kubectl solution sync, and for each Environment: kubectl environment prepare NAME"}}
}

// versionProblems are those of one archive or version.
func (f *facts) versionProblems(v reportedVersion) []problem {
	var list []problem
	add := func(advice, format string, args ...any) {
		list = append(list, problem{fmt.Sprintf(format, args...), advice})
	}
	switch {
	case v.Error != "":
		add(fmt.Sprintf("bring the file back, or run: kubectl solution unimport %s", v.Archive), "%s", v.Error)
	case is(v.Listed, true) && is(v.Served, false):
		add(f.adviseLog(), "the bootstrap node lists %s (%s), and the registry does not serve it", v.ID, v.Archive)
	case v.Listed == nil && is(v.Recorded, true) && is(v.Served, false):
		add(f.adviseLog(), "the cluster lists %s (%s), and the registry does not serve it", v.ID, v.Archive)
	}
	switch {
	case is(v.Listed, false):
		add(adviseSync, "the cluster lists %s (%s), and the bootstrap node does not", v.ID, v.Archive)
	case v.Error != "" || v.Listed == nil:
	case is(v.Recorded, false):
		add(adviseSync, "the bootstrap node lists %s (%s), and the cluster does not", v.ID, v.Archive)
	case v.record != nil && v.record.Archive != v.Archive && !v.duplicate:
		add(adviseSync, "the cluster has %s in %s, and the bootstrap node in %s", v.ID, v.record.Archive, v.Archive)
	}
	if is(v.Listed, true) && v.Error == "" && v.record != nil && v.record.Active != *v.Active {
		add(adviseSync, "%s is %s in the cluster, and %s on the bootstrap node", v.ID, activity(v.record.Active), activity(*v.Active))
	}
	return list
}

// is tells whether a fact is known, and this.
func is(fact *bool, value bool) bool { return fact != nil && *fact == value }

func activity(active bool) string {
	if active {
		return "active"
	}
	return "not active"
}
