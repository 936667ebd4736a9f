// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

var activateHelp = templates.LongDesc(`
	Make a version of a Solution the active one: its CustomResourceDefinitions are
	deployed, for the whole cluster, in place of those of the version that was
	active before.

	Without --version, or with --version=latest, it is the highest imported
	version, now and after later imports. A version whose definitions could not
	read objects that are stored is refused. Definitions that the version does not
	have any more are deleted; where they have objects, you are asked first.`)

var activateExamples = templates.Examples(`
	# The highest imported version
	kubectl solution activate storage

	# This version
	kubectl solution activate storage --version 1.0.0`)

func newActivateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &editOptions{IOStreams: streams, conn: conn}
	version := v1alpha1.LatestVersion
	cmd := &cobra.Command{
		Use:               "activate NAME",
		Short:             "Deploy the custom resource definitions of one version",
		Long:              activateHelp,
		Example:           activateExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), func(ctx context.Context, node *client.Client, dryRun bool) (*protocol.ChangeResult, error) {
				return node.Activate(ctx, protocol.ActivateRequest{Name: args[0], Version: version, DryRun: dryRun})
			})
		},
	}
	cmd.Flags().StringVar(&version, "version", version, "The version to activate.")
	util.MustCompleteFlag(cmd, "version", completeVersions(conn))
	o.addFlags(cmd)
	return cmd
}

var deactivateHelp = templates.LongDesc(`
	Leave a Solution without an active version: the CustomResourceDefinitions of
	the active one are deleted.

	Kubernetes deletes every custom resource together with its definition, and an
	Operator may delete data with it. Where there are any, you are asked first.`)

var deactivateExamples = templates.Examples(`
	# See what would be deleted
	kubectl solution deactivate storage --dry-run=server

	kubectl solution deactivate storage`)

func newDeactivateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &editOptions{IOStreams: streams, conn: conn}
	cmd := &cobra.Command{
		Use:               "deactivate NAME",
		Short:             "Delete the custom resource definitions of the active version",
		Long:              deactivateHelp,
		Example:           deactivateExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), func(ctx context.Context, node *client.Client, dryRun bool) (*protocol.ChangeResult, error) {
				return node.Deactivate(ctx, protocol.DeactivateRequest{Name: args[0], DryRun: dryRun})
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}
