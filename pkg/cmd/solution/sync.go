// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

var syncHelp = templates.LongDesc(`
	Make the cluster match solutions.yaml on the bootstrap node, as it is: after
	that file was edited by hand, after a command was interrupted, or to take over
	a cluster that other tooling has managed. Where the node mounts archives,
	mounts are made that are missing, and undone that are left over.

	Every archive is checked blob by blob. One that cannot be used keeps what the
	cluster knows of it, and makes the command end with status 1.`)

var syncExamples = templates.Examples(`
	# See what differs
	kubectl solution sync --dry-run=server

	kubectl solution sync`)

func newSyncCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &editOptions{IOStreams: streams, conn: conn, repair: true}
	cmd := &cobra.Command{
		Use:     "sync",
		Short:   "Make the cluster match the bootstrap node's configuration",
		Long:    syncHelp,
		Example: syncExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.sync(cmd.Context())
		},
	}
	o.addFlags(cmd)
	return cmd
}

// sync is an edit that leaves the node's configuration as it is.
func (o *editOptions) sync(ctx context.Context) error {
	problems := 0
	found := map[string]string{} // what is wrong with an archive, by path
	err := o.run(ctx, func(ctx context.Context, node *client.Client, dryRun bool) (*protocol.ChangeResult, error) {
		done, err := node.Sync(ctx, protocol.SyncRequest{Verify: dryRun, Damaged: o.damaged, DryRun: dryRun})
		if err != nil {
			return nil, err
		}
		state := &done.State
		problems = countProblems(state)
		if dryRun {
			o.damaged = damagedArchives(state)
		}
		for i, a := range state.Archives {
			if dryRun {
				found[a.Path] = a.Error
			} else if a.Content == nil {
				state.Archives[i].Error = cmp.Or(found[a.Path], a.Error)
			}
		}
		return done, nil
	})
	if err != nil || problems == 0 {
		return err
	}
	err = fmt.Errorf("left %s on the bootstrap node", util.Count(problems, "problem"))
	if len(o.damaged) > 0 {
		err = hint.With(err, "bring the archives back, or take them out: kubectl solution unimport ARCHIVE")
	}
	return err
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

// withSyncHint says how a command that was half done is completed.
func withSyncHint(err error) error {
	return hint.Then(err, "run the command again, or kubectl solution sync: it goes on where this one ended")
}
