// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// ImportOptions are those of Import.
type ImportOptions struct {
	Options
	// Archives are absolute paths on the bootstrap node.
	Archives []string
}

// Import checks archives and makes them available to the cluster. The structure
// of the archives is checked when it is tried, which takes milliseconds, and
// every blob of them when it is done, before the configuration is changed; a dry
// run checks every blob too.
func (s *Solutions) Import(ctx context.Context, o ImportOptions) (*Result, error) {
	return s.change(ctx, edit{ask: func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error) {
		return s.Node.Import(ctx, protocol.ImportRequest{Archives: o.Archives, DryRun: dryRun, Structure: o.DryRun == DryRunNone})
	}}, o.Options)
}
