// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// readState reads what the cluster holds of imported Solutions. What cannot be
// read is written again where the edit is about everything.
func (s *Solutions) readState(ctx context.Context, e edit) (*plan.ClusterState, error) {
	state, err := s.Cluster.State(ctx)
	var unreadable *cluster.UnreadableError
	if errors.As(err, &unreadable) {
		if !e.all {
			return nil, err
		}
		s.Observer.Note("writing again what cannot be read: %v", err)
		return state, nil
	}
	return state, err
}

// checkUnknown checks, blob by blob, the archives of the Solutions concerned that
// the node lists, the cluster does not know, and the command does not name: they
// were listed by hand, and the cluster would take them. One that is damaged is
// refused before anything is changed.
func (s *Solutions) checkUnknown(ctx context.Context, t *trial, state *plan.ClusterState) error {
	var paths []string
	for _, a := range t.change.State.Archives {
		if a.Content == nil || !t.scope[a.Content.Name] {
			continue
		}
		isRecorded := slices.ContainsFunc(state.Records[a.Content.Name], func(r v1alpha1.SolutionRecord) bool { return r.Version == a.Content.Version })
		isNamed := slices.ContainsFunc(t.change.Items, func(i protocol.ChangeItem) bool {
			return i.Subject == a.Path || i.Action == protocol.Imported && i.ID == a.Content.ID
		})
		if !isRecorded && !isNamed {
			paths = append(paths, a.Path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	result, err := s.Node.Check(ctx, protocol.CheckRequest{Archives: paths})
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range result.Archives {
		failed = append(failed, a.Report.Err(archive.StageImport))
	}
	return hint.With(errors.Join(failed...), "it was listed by hand: replace the file, or take its line out of %s", t.change.State.ConfigurationPath)
}

// compute returns the plan for a state of the node.
func (s *Solutions) compute(ctx context.Context, e edit, o Options, t *trial, state *plan.ClusterState) (*plan.Plan, error) {
	in := plan.SolutionsInput{
		Node: nodeOf(&t.change.State, state.Records), Changes: nodeChanges(t.change.Items),
		Names: t.scope, Left: t.left, Repair: e.all, Deactivated: e.deactivated,
		Endpoint: t.change.State.Endpoint, Bootstrap: s.Node.Record,
		Cluster: *state, Definitions: plan.NewLive(), Options: o.Options,
	}
	others, err := s.Cluster.Objects(ctx, in.ContentRefs())
	if err != nil {
		return nil, err
	}
	in.Cluster.ContentRecords.Add(others.All()...)
	if err := s.readDefinitions(ctx, e, &in); err != nil {
		return nil, err
	}
	if in.NeedsBindings() {
		bindings, err := s.Cluster.Bindings(ctx)
		if err != nil {
			return nil, err
		}
		in.Cluster.Bindings = bindings
	}
	if in.OperatorObjects, err = s.Cluster.Objects(ctx, in.OperatorRefs()); err != nil {
		return nil, err
	}
	p, err := plan.Solutions(in)
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	return p, nil
}

// nodeOf returns what the node has, as far as that is known.
func nodeOf(state *protocol.NodeState, recorded map[string][]v1alpha1.SolutionRecord) plan.Node {
	node := plan.Node{}
	for _, a := range state.Archives {
		if a.Content == nil {
			node.Unreadable = append(node.Unreadable, a.Path)
		}
	}
	node.Unresolved = slices.Concat(state.Unresolved, uncertain(state, recorded, node.Unreadable))
	for _, a := range state.Archives {
		if a.Content == nil {
			continue
		}
		name := a.Content.Name
		node.Imported = append(node.Imported, plan.Imported{
			Content:    a.Content,
			Archive:    a.Path,
			Mountpoint: a.Mountpoint,
			Active:     state.Active[name] == a.Content.Version && !slices.Contains(node.Unresolved, name),
		})
	}
	return node
}

// uncertain returns the Solutions whose highest version is to be active, and
// is in an archive that cannot be read now.
func uncertain(state *protocol.NodeState, recorded map[string][]v1alpha1.SolutionRecord, unreadable []string) []string {
	var names []string
	for _, name := range state.Latest {
		if slices.ContainsFunc(recorded[name], func(r v1alpha1.SolutionRecord) bool {
			return slices.Contains(unreadable, r.Archive) && v1alpha1.CompareVersions(r.Version, state.Active[name]) > 0
		}) {
			names = append(names, name)
		}
	}
	return names
}
