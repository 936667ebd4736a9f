// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Solutions does what changes the imported Solutions: on the bootstrap node, and
// after it in the cluster.
type Solutions struct {
	Cluster  *Cluster
	Node     *Node
	Observer Observer
}

// edit is a change of the node's configuration.
type edit struct {
	// ask asks the helper for the change; with dryRun it only tells what it would
	// be.
	ask func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error)
	// all says that the cluster is to match the node in everything, whatever that
	// means. Any other edit is about the Solutions that it names.
	all bool
	// names are Solutions that the edit is about, besides those of the change.
	names []string
	// compare reads the definitions that are deployed, whatever their digests say.
	compare bool
	// deactivated is the Solution that is to have no active version, "" for none.
	deactivated string
	// damaged returns archives that the edit has found so.
	damaged func() []string
}

// change makes an edit: it is tried, its plan is checked and, where that destroys
// something, confirmed; then node and cluster are changed.
func (s *Solutions) change(ctx context.Context, e edit, o Options) (*Result, error) {
	result := &Result{}
	var t *trial
	err := retry(s.Observer, func() (err error) { t, err = s.try(ctx, e, o); return err })
	if err != nil {
		return result, err
	}
	result.Plan = t.plan
	result.Warnings = append(result.Warnings, stateWarnings(&t.change.State)...)
	result.Warnings = append(result.Warnings, t.plan.Warnings...)
	if o.DryRun != DryRunNone {
		return result, refused(t.plan)
	}
	if err := refused(t.plan); err != nil && !e.all {
		return result, err
	}
	if len(t.plan.Destroys) > 0 {
		if err := s.Observer.Confirm(ctx, t.plan); err != nil {
			return result, err
		}
	}
	done, err := e.ask(ctx, false)
	if err != nil {
		return result, err
	}
	result.Node = nodeChanges(done.Items)
	if err := s.follow(ctx, e, o, t, done, result); err != nil {
		return result, hint.Then(fmt.Errorf("the bootstrap node is done, and the cluster is not yet: %w", cluster.Explain(err)),
			"run the command again, or kubectl solution sync: it goes on where this one ended")
	}
	return result, refused(t.plan)
}

// trial is what an edit would come to.
type trial struct {
	change *protocol.ChangeResult
	plan   *plan.Plan
	// scope are the Solutions that the edit is about, nil for all.
	scope map[string]bool
	// left are Solutions that are left as they are, since their part of the plan is
	// refused, and refusals say why.
	left     map[string]bool
	refusals []plan.Refusal
}

// try finds out what an edit would come to. It changes nothing.
func (s *Solutions) try(ctx context.Context, e edit, o Options) (*trial, error) {
	state, err := s.readState(ctx, e)
	if err != nil {
		return nil, err
	}
	t := &trial{}
	if t.change, err = e.ask(ctx, true); err != nil {
		return nil, err
	}
	if !e.all {
		t.scope = scopeOf(e, t.change, state)
		if err := s.checkUnknown(ctx, t, state); err != nil {
			return nil, err
		}
	}
	if err := s.plan(ctx, e, o, t, state); err != nil {
		return nil, err
	}
	return t, nil
}

// plan computes the plan of a trial, and has it checked. An edit that is about
// everything leaves a Solution alone whose part is refused: then all else is
// computed once more, so that nothing of it is forgotten, or deleted.
func (s *Solutions) plan(ctx context.Context, e edit, o Options, t *trial, state *plan.ClusterState) error {
	for {
		p, err := s.compute(ctx, e, o, t, state)
		if err != nil {
			return err
		}
		if o.DryRun != DryRunClient {
			if err := s.Cluster.Check(ctx, p, o.DryRun == DryRunServer); err != nil {
				return err
			}
		}
		if !e.all || !t.leave(p.Refusals) {
			p.Refusals = slices.Concat(t.refusals, p.Refusals)
			t.plan = p
			return nil
		}
	}
}

// leave notes which Solutions are to be left as they are, and reports whether
// there are more of them now.
func (t *trial) leave(refusals []plan.Refusal) bool {
	more := false
	for _, r := range refusals {
		if r.Scope.Solution == "" || r.Scope.Namespace != "" {
			continue
		}
		if t.left == nil {
			t.left = map[string]bool{}
		}
		t.left[r.Scope.Solution], more = true, true
		t.refusals = append(t.refusals, r)
	}
	return more
}

// follow makes the cluster match the node. Where that is not as it was tried, or
// someone else has written meanwhile, it is computed again; what would be
// destroyed then besides ends it.
func (s *Solutions) follow(ctx context.Context, e edit, o Options, t *trial, done *protocol.ChangeResult, result *Result) error {
	p := t.plan
	isCurrent := equality.Semantic.DeepEqual(t.change.State, done.State)
	return retry(s.Observer, func() error {
		if !isCurrent {
			var err error
			if p, err = s.again(ctx, e, o, t); err != nil {
				return err
			}
		}
		isCurrent = false
		executed, err := s.Cluster.Execute(ctx, p.WithoutRefused(), apply.ExecuteOptions{
			Timeout: o.Timeout, Observe: s.waiting, Current: s.stillCurrent(p),
		})
		result.took(executed.Changes)
		if err != nil {
			return err
		}
		return executed.Err()
	})
}

func (s *Solutions) waiting(object, message string) { s.Observer.Step("%s: %s", object, message) }

// again computes the plan for the node as it is now.
func (s *Solutions) again(ctx context.Context, e edit, o Options, t *trial) (*plan.Plan, error) {
	state, err := s.readState(ctx, e)
	if err != nil {
		return nil, err
	}
	var damaged []string
	if e.damaged != nil {
		damaged = e.damaged()
	}
	node, err := s.Node.List(ctx, protocol.ListRequest{Damaged: damaged})
	if err != nil {
		return nil, err
	}
	now := &trial{change: &protocol.ChangeResult{Items: t.change.Items, State: *node}, scope: t.scope, left: t.left, refusals: t.refusals}
	if err := s.plan(ctx, e, o, now, state); err != nil {
		return nil, err
	}
	p := now.plan
	for _, line := range p.Destroys {
		if !slices.Contains(t.plan.Destroys, line) {
			return nil, fmt.Errorf("someone else changed the imported Solutions at the same time, and now this would happen too: %s", line)
		}
	}
	if err := refused(p); err != nil && !e.all {
		return nil, err
	}
	return p, nil
}

// stillCurrent returns a check that nobody has written the catalog since it was
// read: what seems to be in the way may be what they have made.
func (s *Solutions) stillCurrent(p *plan.Plan) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, c := range p.Changes {
			if c.Stage == plan.StageCatalog && c.Live != nil {
				check := plan.Plan{Changes: []plan.Change{{Action: plan.Update, Object: c.Object, Method: plan.Put, Manifest: c.Manifest, Live: c.Live}}}
				return s.Cluster.Check(ctx, &check, true)
			}
		}
		return nil
	}
}

// scopeOf returns the Solutions that an edit is about.
func scopeOf(e edit, change *protocol.ChangeResult, state *plan.ClusterState) map[string]bool {
	names := map[string]bool{}
	for _, name := range e.names {
		names[name] = true
	}
	for _, i := range change.Items {
		if i.Action == protocol.Mounted || i.Action == protocol.Unmounted {
			continue
		}
		for _, a := range change.State.Archives {
			if a.Content != nil && (a.Path == i.Subject || a.Content.ID == i.ID && i.ID != "") {
				names[a.Content.Name] = true
			}
		}
		for name, records := range state.Records {
			if slices.ContainsFunc(records, func(r v1alpha1.SolutionRecord) bool {
				return r.Archive == i.Subject || v1alpha1.ID(name, r.Version) == i.ID
			}) {
				names[name] = true
			}
		}
	}
	return names
}

func nodeChanges(items []protocol.ChangeItem) []plan.NodeChange {
	changes := make([]plan.NodeChange, 0, len(items))
	for _, i := range items {
		changes = append(changes, plan.NodeChange{Subject: i.Subject, ID: i.ID, Action: string(i.Action), Warnings: i.Warnings})
	}
	return changes
}

// stateWarnings are what is wrong on the node, besides the edit.
func stateWarnings(s *protocol.NodeState) []string {
	var warnings []string
	for _, a := range s.Archives {
		if a.Content == nil {
			warnings = append(warnings, "an imported archive cannot be read; what the cluster knows of it stays: "+a.Error)
		}
	}
	return append(warnings, s.Problems...)
}
