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

var importHelp = templates.LongDesc(`
	Check archives on the bootstrap node, blob by blob, and make them available
	to the cluster.

	All archives are checked before the first is imported. Nothing is unpacked or
	copied: images are served out of the archive, which has to stay where it is.
	Running Operators are restarted so that they pick up the new versions. An
	archive that is imported already is left as it is.

	With --upload the archives are files of this machine, which are first brought
	to the folder of uploads on the bootstrap node. What arrived there before, as
	the beginning of an upload that was cut off, is compared and not sent again.`)

var importExamples = templates.Examples(`
	# Import two versions at once
	kubectl solution import /solutions/storage-1.0.0.iso /solutions/storage-1.1.0.iso

	# Bring an archive to the bootstrap node, and import it there
	kubectl solution import --upload storage-1.1.0.iso

	# See what would happen
	kubectl solution import --dry-run=server /solutions/storage-1.1.0.iso`)

func newImportCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newEditOptions(streams, conn)
	isUpload := false
	cmd := &cobra.Command{
		Use:     "import ARCHIVE...",
		Short:   "Check archives and make them available to the cluster",
		Long:    importHelp,
		Example: importExamples,
		Args:    cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(cmd); err != nil {
				return err
			}
			if isUpload {
				return o.importUploads(cmd.Context(), args)
			}
			return o.importArchives(cmd.Context(), args)
		},
	}
	cmd.Flags().BoolVar(&isUpload, "upload", isUpload, "The archives are files of this machine: bring them to the bootstrap node first.")
	o.addFlags(cmd)
	return cmd
}

func (o *editOptions) importArchives(ctx context.Context, args []string) error {
	return o.run(ctx, func(s *action.Solutions) (*action.Result, error) {
		paths, err := archivePaths(s.Node, args)
		if err != nil {
			return nil, err
		}
		return s.Import(ctx, action.ImportOptions{Options: o.Options, Archives: paths})
	})
}
