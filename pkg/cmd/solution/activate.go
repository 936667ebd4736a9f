// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var activateHelp = templates.LongDesc(`
	Make a version of a Solution the active one: its CustomResourceDefinitions are
	deployed, for the whole cluster, in place of those of the version that was
	active before.

	Without --version, or with --version=latest, the highest imported version is
	used, and later imports move it. A change that would lose fields of objects, or
	a version of the API that an Environment needs, is refused unless
	--accept-crd-loss names the definition. Definitions that the version does not
	have are deleted, unless an Environment runs a version that has them or they
	have objects.`)

var activateExamples = templates.Examples(`
	# The highest imported version
	kubectl solution activate storage

	# This version
	kubectl solution activate storage --version 1.0.0`)

func newActivateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newEditOptions(streams, conn)
	version := v1alpha1.LatestVersion
	cmd := &cobra.Command{
		Use:               "activate NAME",
		Short:             "Deploy the custom resource definitions of one version",
		Long:              activateHelp,
		Example:           activateExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), func(s *action.Solutions) (*action.Result, error) {
				return s.Activate(cmd.Context(), action.ActivateOptions{Options: o.Options, Name: args[0], Version: version})
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
	Operator may delete data with it. You are asked first where there are any, or
	where an Environment runs the Solution.`)

var deactivateExamples = templates.Examples(`
	# See what would be deleted
	kubectl solution deactivate storage --dry-run=server

	kubectl solution deactivate storage`)

func newDeactivateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newEditOptions(streams, conn)
	cmd := &cobra.Command{
		Use:               "deactivate NAME",
		Short:             "Delete the custom resource definitions of the active version",
		Long:              deactivateHelp,
		Example:           deactivateExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), func(s *action.Solutions) (*action.Result, error) {
				return s.Deactivate(cmd.Context(), action.DeactivateOptions{Options: o.Options, Name: args[0]})
			})
		},
	}
	o.addFlags(cmd)
	return cmd
}
