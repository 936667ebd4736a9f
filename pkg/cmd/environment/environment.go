// SPDX-License-Identifier: Apache-2.0

// Package environment is `kubectl environment`: the namespaces that Solutions
// are deployed into, and what runs there. It asks the API server only, with
// the user's own rights.
package environment

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var longHelp = templates.LongDesc(`
	Create Environments and deploy Solutions into them.

	An Environment is one or more namespaces with one label. Each holds a version
	of any number of Solutions: the Operator, its rights in that namespace, its
	configuration, and perhaps a UI. Several Environments can run several versions
	of one Solution.`)

var examples = templates.Examples(`
	# An Environment, and a Solution in it
	kubectl environment create staging --description "before it goes live"
	kubectl environment add-solution staging --solution storage --version 1.0.0

	# What runs where
	kubectl environment get

	# Make everything match again what is recorded
	kubectl environment prepare staging`)

// NewCommand returns the command tree, of this version.
func NewCommand(streams genericiooptions.IOStreams, version string) *cobra.Command {
	conn := util.NewConnection()
	cmd := cli.Group(&cobra.Command{
		Use:         "kubectl-environment",
		Short:       "Create Environments and deploy Solutions into them",
		Long:        longHelp,
		Example:     examples,
		Version:     version,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl environment"},
	})
	cmd.SetIn(streams.In)
	cmd.SetOut(streams.Out)
	cmd.SetErr(streams.ErrOut)
	conn.AddFlags(cmd.PersistentFlags())
	cmd.AddCommand(
		newCreateCommand(streams, conn),
		newDeleteCommand(streams, conn),
		newGetCommand(streams, conn),
		newAddSolutionCommand(streams, conn),
		newDeleteSolutionCommand(streams, conn),
		newPrepareCommand(streams, conn),
	)
	return cmd
}

func completeEnvironments(conn *util.Connection) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return util.EnvironmentNames(cmd.Context(), conn), cobra.ShellCompDirectiveNoFileComp
	}
}
