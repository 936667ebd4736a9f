// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// DeactivateOptions are those of Deactivate.
type DeactivateOptions struct {
	Options
	Name string
}

// Deactivate leaves a Solution without an active version.
func (s *Solutions) Deactivate(ctx context.Context, o DeactivateOptions) (*Result, error) {
	return s.change(ctx, edit{names: []string{o.Name}, deactivated: o.Name, ask: func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error) {
		return s.Node.Deactivate(ctx, protocol.DeactivateRequest{Name: o.Name, DryRun: dryRun})
	}}, o.Options)
}
