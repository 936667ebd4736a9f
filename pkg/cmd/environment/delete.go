// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var deleteHelp = templates.LongDesc(`
	Delete an Environment, or one namespace of it, with all that is in it.

	The custom resources of its Solutions go first, while their Operators are
	still there to clean up after them; then the Solutions; then the namespaces.
	You are asked before anything is deleted.`)

var deleteExamples = templates.Examples(`
	kubectl environment delete staging

	# See what would be deleted
	kubectl environment delete staging --dry-run=server

	# One namespace of it, without being asked
	kubectl environment delete staging --namespace staging-2 --yes`)

func newDeleteCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newDeployOptions(streams, conn)
	cmd := &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete an Environment with all that is in it",
		Long:              deleteHelp,
		Example:           deleteExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.delete(cmd.Context(), args[0])
		},
	}
	o.AddFlags(cmd)
	o.AddConfirmFlag(cmd)
	o.addWaitFlags(cmd, "the namespaces are gone")
	return cmd
}

func (o *deployOptions) delete(ctx context.Context, environment string) error {
	return o.run(func(e *action.Environments) (*action.Result, error) {
		result, err := e.DeleteEnvironment(ctx, action.DeleteEnvironmentOptions{Options: o.Options, WaitOptions: o.wait, Target: o.target(environment)})
		if err == nil && result.Plan == nil {
			fmt.Fprintf(o.Out, "environment/%s unchanged: it does not exist%s\n", environment, o.Suffix())
		}
		return result, err
	})
}
