// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// AddSolutionOptions are those of AddSolution.
type AddSolutionOptions struct {
	Options
	WaitOptions
	Target
	Solution, Version string
	// Webhook says whether the Operator serves an admission webhook; nil leaves it
	// as it is recorded.
	Webhook *bool
}

// AddSolution records a version of a Solution for an Environment and deploys it.
// Where another version of it runs, that is replaced.
func (e *Environments) AddSolution(ctx context.Context, o AddSolutionOptions) (*Result, error) {
	edit := func(n *cluster.EnvironmentNamespace) {
		n.Solutions[o.Solution] = o.Version
		if o.Webhook != nil {
			n.Webhooks[o.Solution] = *o.Webhook
		}
	}
	d := deployment{environment: o.Environment, added: o.Solution, solutions: func(cluster.EnvironmentNamespace) []string { return []string{o.Solution} }}
	result, _, err := e.changeSolution(ctx, o.Target, o.Solution, d, o.Options, edit)
	if err != nil || o.DryRun != DryRunNone {
		return result, err
	}
	return result, e.WaitReady(ctx, o.WaitOptions, o.Environment, result.Changes)
}

// changeSolution edits what a namespace records, and makes it so. Where someone
// else has written meanwhile, their edit is kept and this one made again.
func (e *Environments) changeSolution(ctx context.Context, t Target, solution string, d deployment, o Options, edit func(*cluster.EnvironmentNamespace)) (*Result, string, error) {
	result := &Result{}
	namespace := ""
	err := retry(e.Observer, func() error {
		result.Warnings = nil
		n, err := e.one(ctx, t)
		if err != nil {
			return err
		}
		namespace = n.Name()
		edit(n)
		record, err := n.Edited(plan.Scope{Solution: solution, Namespace: n.Name()})
		if err != nil {
			return err
		}
		d.namespaces, d.records = []cluster.EnvironmentNamespace{*n}, []plan.Change{record}
		p, err := e.plan(ctx, &d, o)
		if err != nil {
			return err
		}
		return e.carryOut(ctx, p, o, false, result)
	})
	return result, namespace, prepareHint(err, t.Environment, len(result.Changes) > 0)
}
