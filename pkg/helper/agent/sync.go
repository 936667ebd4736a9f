// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// sync answers a SyncRequest. The check of the archives, which can take
// minutes, holds no lock; nor does a node where there is nothing to do, so that
// those who may not write there can ask.
func (a *Agent) sync(ctx context.Context, holder string, req protocol.SyncRequest) (*protocol.ChangeResult, error) {
	state, err := a.list(ctx, protocol.ListRequest{Verify: req.Verify, Damaged: req.Damaged})
	if err != nil {
		return nil, err
	}
	unusable := map[string]error{}
	for _, as := range state.Archives {
		if as.Content == nil {
			unusable[as.Path] = errors.New(as.Error)
		}
	}
	edit := func(inv *inventory) (*protocol.ChangeResult, error) {
		for _, e := range inv.items {
			if err := unusable[e.path]; err != nil {
				e.content, e.err = nil, err
			}
		}
		return &protocol.ChangeResult{Items: []protocol.ChangeItem{}}, nil
	}
	tried, err := a.change(ctx, holder, true, edit)
	if err != nil || req.DryRun || len(tried.Items) == 0 {
		return tried, err
	}
	return a.change(ctx, holder, false, edit)
}
