// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
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
	o := newEditOptions(streams, conn)
	cmd := &cobra.Command{
		Use:     "sync",
		Short:   "Make the cluster match the bootstrap node's configuration",
		Long:    syncHelp,
		Example: syncExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), func(s *action.Solutions) (*action.Result, error) {
				return s.Sync(cmd.Context(), o.Options)
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}
