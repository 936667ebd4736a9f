// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// ActivateOptions are those of Activate.
type ActivateOptions struct {
	Options
	// Version is v1alpha1.LatestVersion for the highest one.
	Name, Version string
}

// Activate deploys the definitions of one version.
func (s *Solutions) Activate(ctx context.Context, o ActivateOptions) (*Result, error) {
	return s.change(ctx, edit{names: []string{o.Name}, compare: true, ask: func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error) {
		return s.Node.Activate(ctx, protocol.ActivateRequest{Name: o.Name, Version: o.Version, DryRun: dryRun})
	}}, o.Options)
}
