// SPDX-License-Identifier: Apache-2.0

// Package action has an operation of this project a file: each reads node and
// cluster once, computes a plan, has it checked, asks before it destroys
// anything, and carries it out. Operations take options and an Observer, and
// return values: the commands and the page are their users.
package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Cluster reads a cluster and writes to it.
type Cluster struct {
	cluster.Reader
	*apply.Applier
}

// NewCluster returns the cluster that a client reaches. Raw reaches the same
// API server.
func NewCluster(c ctrlclient.Client, raw rest.Interface) *Cluster {
	return &Cluster{Reader: cluster.Reader{Client: c, Raw: raw}, Applier: apply.New(c, raw)}
}

// Node is the bootstrap node.
type Node struct {
	*client.Client
	// Record is the address that the cluster is to record, "" for none.
	Record string
}

// Observer is told how far an operation is, and asked what it may do.
type Observer interface {
	// Step says what is being done, or waited for.
	Step(format string, args ...any)
	// Note says something that stays to be read.
	Note(format string, args ...any)
	// Confirm is asked before Plan.Destroys happens. An error ends the operation
	// before anything is changed.
	Confirm(ctx context.Context, p *plan.Plan) error
}

// DryRun is how far an operation goes.
type DryRun int

// Dry runs.
const (
	// DryRunNone does it.
	DryRunNone DryRun = iota
	// DryRunClient computes the plan from what there is.
	DryRunClient
	// DryRunServer has the API server try the plan as well.
	DryRunServer
)

// Options are those of every operation that changes something.
type Options struct {
	plan.Options
	DryRun DryRun
	// Timeout bounds each wait for a definition or a deletion, apply.DefaultTimeout
	// where it is 0.
	Timeout time.Duration
}

// Result is what an operation has planned and done. It is returned with errors,
// too, as far as the operation came.
type Result struct {
	Plan *plan.Plan `json:"plan,omitempty"`
	// Node is what was changed on the bootstrap node.
	Node []plan.NodeChange `json:"node,omitempty"`
	// Changes are those that were made in the cluster, and what was left as it is.
	Changes []plan.Change `json:"changes,omitempty"`
	// Warnings were found on the way.
	Warnings []string `json:"warnings,omitempty"`
}

func (r *Result) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// took adds changes that were made. What is made again, or found to be none any
// more, counts once, as what it was first.
func (r *Result) took(changes []plan.Change) {
	for _, c := range changes {
		i := slices.IndexFunc(r.Changes, func(other plan.Change) bool { return other.Object == c.Object })
		switch {
		case i < 0:
			r.Changes = append(r.Changes, c)
		case c.Writes():
			r.Changes[i] = c
		}
	}
}

// refused returns the refusals of a plan as one error with all that helps, nil
// where there is none.
func refused(p *plan.Plan) error {
	var failed []error
	var remedies []string
	for _, r := range p.Refusals {
		text := r.Message
		if r.Object == (plan.Ref{}) {
			text = inScope(r.Scope, text)
		}
		failed = append(failed, errors.New(text))
		remedies = addRemedy(remedies, r.Remedy)
	}
	if len(remedies) == 0 {
		return errors.Join(failed...)
	}
	return hint.With(errors.Join(failed...), "%s", strings.Join(remedies, "; "))
}

// addRemedy adds what helps, once; flags for the same end are put together.
func addRemedy(remedies []string, remedy string) []string {
	if remedy == "" || slices.Contains(remedies, remedy) {
		return remedies
	}
	if end, flag, found := strings.Cut(remedy, ": --"); found {
		for i, other := range remedies {
			if strings.HasPrefix(other, end+": --") {
				if !strings.Contains(other+" ", " --"+flag+" ") {
					remedies[i] += " --" + flag
				}
				return remedies
			}
		}
	}
	return append(remedies, remedy)
}

// inScope says what a message is about, as far as it does not do so itself.
func inScope(s plan.Scope, message string) string {
	if slices.Contains(strings.Fields(message), s.Solution) {
		s.Solution = ""
	}
	if where := s.String(); where != "" {
		return where + ": " + message
	}
	return message
}

// maxConflicts bounds how often others may write in between.
const maxConflicts = 10

// retry does something once more where someone else has written in between.
func retry(observer Observer, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == maxConflicts || !apply.IsConflict(err) {
			return err
		}
		observer.Step("someone else made a change at the same time; reading again")
	}
}

// joinErrors returns those of errs that are not nil as one. One alone keeps its
// hint.
func joinErrors(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
