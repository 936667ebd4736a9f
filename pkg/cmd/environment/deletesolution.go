// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var deleteSolutionHelp = templates.LongDesc(`
	Remove a Solution from an Environment: its Operator, UI, roles and bindings.

	Custom resources stay, and what the Operator made of them, but nobody looks
	after them any more.`)

var deleteSolutionExamples = templates.Examples(`
	kubectl environment delete-solution staging --solution storage

	# See what would be deleted
	kubectl environment delete-solution staging --solution storage --dry-run=server`)

func newDeleteSolutionCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &solutionOptions{deployOptions: newDeployOptions(streams, conn)}
	cmd := &cobra.Command{
		Use:               "delete-solution NAME --solution SOLUTION",
		Short:             "Remove a Solution from an Environment",
		Long:              deleteSolutionHelp,
		Example:           deleteSolutionExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.remove(cmd.Context(), args[0])
		},
	}
	o.addSolutionFlag(cmd)
	o.AddFlags(cmd)
	o.addWaitFlags(cmd, "what was removed is gone")
	return cmd
}

func (o *solutionOptions) remove(ctx context.Context, environment string) error {
	return o.run(func(e *action.Environments) (*action.Result, error) {
		return e.DeleteSolution(ctx, action.DeleteSolutionOptions{
			Options: o.Options, WaitOptions: o.wait, Target: o.target(environment), Solution: o.solution,
		})
	})
}
