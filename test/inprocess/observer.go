// SPDX-License-Identifier: Apache-2.0

package inprocess

import (
	"context"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Observer keeps what an operation says.
type Observer struct {
	Steps, Notes []string
	// Asked are the plans that were to be confirmed.
	Asked []*plan.Plan
	// Answer, where it is set, answers; else all is confirmed.
	Answer func(*plan.Plan) error
	// OnStep, where it is set, is called with each step.
	OnStep func(string)
}

// Step implements action.Observer.
func (o *Observer) Step(format string, args ...any) {
	o.Steps = append(o.Steps, fmt.Sprintf(format, args...))
	if o.OnStep != nil {
		o.OnStep(o.Steps[len(o.Steps)-1])
	}
}

// Note implements action.Observer.
func (o *Observer) Note(format string, args ...any) {
	o.Notes = append(o.Notes, fmt.Sprintf(format, args...))
}

// Confirm implements action.Observer.
func (o *Observer) Confirm(_ context.Context, p *plan.Plan) error {
	o.Asked = append(o.Asked, p)
	if o.Answer != nil {
		return o.Answer(p)
	}
	return nil
}
