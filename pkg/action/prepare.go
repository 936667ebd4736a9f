// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// PrepareOptions are those of Prepare.
type PrepareOptions struct {
	Options
	WaitOptions
	Target
}

// Prepare makes what runs in an Environment match what is recorded for it. A
// Solution that cannot be prepared is reported, and the others go on.
func (e *Environments) Prepare(ctx context.Context, o PrepareOptions) (*Result, error) {
	result := &Result{}
	list, err := e.Namespaces(ctx, o.Target)
	if err != nil {
		return result, err
	}
	d := &deployment{environment: o.Environment, solutions: cluster.EnvironmentNamespace.SolutionNames, everything: true}
	for _, n := range list {
		if n.Terminating() {
			result.warn("namespace %s is being deleted, and is left out", n.Name())
			continue
		}
		d.namespaces = append(d.namespaces, n)
	}
	p, err := e.plan(ctx, d, o.Options)
	if err != nil {
		return result, err
	}
	if err := e.carryOut(ctx, p, o.Options, true, result); err != nil || o.DryRun != DryRunNone {
		return result, prepareHint(err, o.Environment, len(result.Changes) > 0)
	}
	return result, e.WaitReady(ctx, o.WaitOptions, o.Environment, result.Changes)
}

// prepareHint says how an operation that was half done is completed.
func prepareHint(err error, environment string, isBegun bool) error {
	if !isBegun {
		return err
	}
	return hint.With(err, "what is wanted is recorded; kubectl environment prepare %s goes on where this ended", environment)
}
