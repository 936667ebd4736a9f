// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// UnimportOptions are those of Unimport.
type UnimportOptions struct {
	Options
	// Archives are absolute paths on the bootstrap node; or Name and Version say
	// what to unimport.
	Archives      []string
	Name, Version string
	// DeleteArchive deletes the files too, which must have been uploaded.
	DeleteArchive bool
}

// Unimport takes archives, or a version, away from the cluster.
func (s *Solutions) Unimport(ctx context.Context, o UnimportOptions) (*Result, error) {
	e := edit{ask: func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error) {
		return s.Node.Unimport(ctx, protocol.UnimportRequest{
			Archives: o.Archives, Name: o.Name, Version: o.Version, DryRun: dryRun, DeleteArchive: o.DeleteArchive,
		})
	}}
	if o.Name != "" {
		e.names = []string{o.Name}
	}
	return s.change(ctx, e, o.Options)
}
