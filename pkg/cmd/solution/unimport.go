// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var unimportHelp = templates.LongDesc(`
	Take archives, or one version of a Solution, out of what the cluster can use.

	The version that is active, and one that an Environment uses, is refused. The
	ISO file itself stays, unless it was uploaded and --delete-archive is given.
	Archives that are not imported are ignored.`)

var unimportExamples = templates.Examples(`
	# By the archive's path on the bootstrap node
	kubectl solution unimport /solutions/storage-1.0.0.iso

	# By name and version
	kubectl solution unimport storage --version 1.0.0`)

func newUnimportCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newEditOptions(streams, conn)
	version, deleteArchive := "", false
	cmd := &cobra.Command{
		Use:               "unimport ARCHIVE... | NAME --version VERSION",
		Short:             "Take archives or a version away from the cluster",
		Long:              unimportHelp,
		Example:           unimportExamples,
		Args:              cli.Args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if version != "" && len(args) > 1 {
				return cli.UsageError(cmd, "--version goes with the name of one Solution")
			}
			if err := o.Complete(cmd); err != nil {
				return err
			}
			return o.unimport(cmd.Context(), args, version, deleteArchive)
		},
	}
	cmd.Flags().StringVar(&version, "version", version, "The version of the Solution that is named.")
	cmd.Flags().BoolVar(&deleteArchive, "delete-archive", deleteArchive, "Delete the ISO files too, which were brought to the bootstrap node by import --upload.")
	o.addFlags(cmd)
	return cmd
}

func (o *editOptions) unimport(ctx context.Context, args []string, version string, deleteArchive bool) error {
	return o.run(ctx, func(s *action.Solutions) (*action.Result, error) {
		options := action.UnimportOptions{Options: o.Options, DeleteArchive: deleteArchive}
		if version != "" {
			options.Name, options.Version = args[0], version
			return s.Unimport(ctx, options)
		}
		var err error
		if options.Archives, err = archivePaths(s.Node, args); err != nil {
			return nil, err
		}
		return s.Unimport(ctx, options)
	})
}
