// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// ExecuteOptions tell how to carry a plan out.
type ExecuteOptions struct {
	// Timeout bounds each wait: until a definition is served, or an object gone. It
	// is DefaultTimeout where it is 0.
	Timeout time.Duration
	// Observe, where it is set, is told what is waited for, one thing at a time.
	Observe Observer
	// Current, where it is set, is called before anything is deleted; an error
	// ends the execution.
	Current func(context.Context) error
}

// Result is what came of a plan.
type Result struct {
	// Changes are those that were made, and those that were none, in the plan's
	// order.
	Changes []plan.Change `json:"changes"`
	// Failures are the scopes of which not all was done.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is why the rest of a scope was left out.
type Failure struct {
	Scope  plan.Scope `json:"scope,omitzero"`
	Object plan.Ref   `json:"object,omitzero"`
	Err    error      `json:"-"`
}

// Execute carries a plan out, stage by stage. What fails ends its own scope, and
// the rest goes on. An error of the connection, a conflict, and a failure that
// is of no scope end it all; what was done until then is returned with them.
func (a *Applier) Execute(ctx context.Context, p *plan.Plan, options ExecuteOptions) (*Result, error) {
	e := &execution{Applier: a, options: options, failed: map[plan.Scope]bool{}, done: make([]bool, len(p.Changes)), plan: p}
	var err error
	for from := 0; from < len(p.Changes) && err == nil; {
		to := from + 1
		for to < len(p.Changes) && p.Changes[to].Stage == p.Changes[from].Stage {
			to++
		}
		err = e.stage(ctx, from, to)
		from = to
	}
	for i, c := range p.Changes {
		if e.done[i] {
			e.result.Changes = append(e.result.Changes, c)
		}
	}
	return &e.result, err
}

func (e *execution) timeout() time.Duration {
	if e.options.Timeout <= 0 {
		return DefaultTimeout
	}
	return e.options.Timeout
}

type execution struct {
	*Applier
	plan    *plan.Plan
	options ExecuteOptions

	mu      sync.Mutex
	failed  map[plan.Scope]bool
	done    []bool
	result  Result
	checked bool

	observing sync.Mutex
}

// stage makes the changes of one stage, at once, and then waits for them.
func (e *execution) stage(ctx context.Context, from, to int) error {
	if err := e.checkCurrent(ctx, from, to); err != nil {
		return err
	}
	err := each(ctx, to-from, func(ctx context.Context, i int) error {
		c := &e.plan.Changes[from+i]
		if e.isFailed(c.Scope) {
			return nil
		}
		if c.Writes() {
			if _, err := e.write(ctx, c, false, e.timeout()); err != nil {
				return e.fail(ctx, c, explain(c.Object, err))
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.done[from+i] = true
		if c.Stage == plan.StageCatalog && c.Writes() {
			e.checked = true // it was written since it was read, by nobody else
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, to-from, func(ctx context.Context, i int) error {
		c := &e.plan.Changes[from+i]
		if c.Wait == plan.WaitNothing || e.isFailed(c.Scope) {
			return nil
		}
		if err := e.wait(ctx, c); err != nil {
			return e.fail(ctx, c, err)
		}
		return nil
	})
}

// checkCurrent makes sure, once and before the first deletion, that the plan is
// still about what there is.
func (e *execution) checkCurrent(ctx context.Context, from, to int) error {
	if e.checked || e.options.Current == nil {
		return nil
	}
	for _, c := range e.plan.Changes[from:to] {
		if c.Action == plan.Delete || c.Action == plan.Replace {
			e.checked = true
			return e.options.Current(ctx)
		}
	}
	return nil
}

func (e *execution) isFailed(s plan.Scope) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed[s] || e.failed[plan.Scope{Solution: s.Solution}] && s.Solution != ""
}

// fail notes that a scope has failed. It returns an error where that ends
// everything.
func (e *execution) fail(ctx context.Context, c *plan.Change, err error) error {
	if ctx.Err() != nil || (c.Scope == plan.Scope{}) || c.Method == plan.Put && IsConflict(err) || !isStatus(err) && !isTimeout(err) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.failed[c.Scope] {
		e.failed[c.Scope] = true
		e.result.Failures = append(e.result.Failures, Failure{Scope: c.Scope, Object: c.Object, Err: err})
	}
	return nil
}

// Err returns the failures as one error, nil where there is none.
func (r *Result) Err() error {
	var failed []error
	for _, f := range r.Failures {
		failed = append(failed, fmt.Errorf("%s: %w", f.Scope, f.Err))
	}
	return errors.Join(failed...)
}

// each calls do for 0 to n-1, some at once, until one returns an error.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i := range n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return do(ctx, i)
		})
	}
	return group.Wait()
}
