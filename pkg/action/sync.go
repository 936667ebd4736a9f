// SPDX-License-Identifier: Apache-2.0

package action

import (
	"cmp"
	"context"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Sync makes the cluster match the node as it is configured. It is an edit that
// leaves the configuration as it is.
func (s *Solutions) Sync(ctx context.Context, o Options) (*Result, error) {
	problems := 0
	var damaged []string
	found := map[string]string{} // what is wrong with an archive, by path
	e := edit{all: true, compare: true, damaged: func() []string { return damaged }}
	e.ask = func(ctx context.Context, dryRun bool) (*protocol.ChangeResult, error) {
		done, err := s.Node.Sync(ctx, protocol.SyncRequest{Verify: dryRun, Damaged: damaged, DryRun: dryRun})
		if err != nil {
			return nil, err
		}
		state := &done.State
		problems = countProblems(state)
		if dryRun {
			damaged = damagedArchives(state)
		}
		for i, a := range state.Archives {
			if dryRun {
				found[a.Path] = a.Error
			} else if a.Content == nil {
				state.Archives[i].Error = cmp.Or(found[a.Path], a.Error)
			}
		}
		return done, nil
	}
	result, err := s.change(ctx, e, o)
	if err != nil || problems == 0 {
		return result, err
	}
	noun := "problem remains"
	if problems > 1 {
		noun = "problems remain"
	}
	err = fmt.Errorf("%d %s on the bootstrap node (see above)", problems, noun)
	if len(damaged) > 0 {
		err = hint.With(err, "bring the archives back, or take them out: kubectl solution unimport ARCHIVE")
	}
	return result, err
}

func countProblems(s *protocol.NodeState) int {
	n := len(s.Problems)
	for _, a := range s.Archives {
		if a.Content == nil {
			n++
		}
	}
	return n
}

func damagedArchives(s *protocol.NodeState) []string {
	var paths []string
	for _, a := range s.Archives {
		if a.Content == nil {
			paths = append(paths, a.Path)
		}
	}
	return paths
}
