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

// deployOptions are what the commands have in common that change Environments.
type deployOptions struct {
	*util.ChangeFlags
	conn *util.Connection
	wait action.WaitOptions
}

func newDeployOptions(streams genericiooptions.IOStreams, conn *util.Connection) *deployOptions {
	return &deployOptions{
		ChangeFlags: util.NewChangeFlags(streams), conn: conn,
		wait: action.WaitOptions{Wait: true, Timeout: util.DefaultTimeout},
	}
}

func (o *deployOptions) addWaitFlags(cmd *cobra.Command, until string) {
	cmd.Flags().BoolVar(&o.wait.Wait, "wait", o.wait.Wait, "Wait until "+until+".")
	cmd.Flags().DurationVar(&o.wait.Timeout, "timeout", o.wait.Timeout, "How long to wait.")
}

func (o *deployOptions) complete(cmd *cobra.Command) error {
	if o.wait.Timeout <= 0 {
		return cli.UsageError(cmd, "--timeout must be longer than 0")
	}
	return o.Complete(cmd)
}

// target is the Environment of that name, or its namespace that is given.
func (o *deployOptions) target(environment string) action.Target {
	return action.Target{Environment: environment, Namespace: o.conn.Namespace()}
}

// run does an operation, and prints what came of it.
func (o *deployOptions) run(do func(*action.Environments) (*action.Result, error)) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	cl, err := o.conn.Cluster()
	if err != nil {
		return err
	}
	result, err := do(&action.Environments{Cluster: cl, Observer: o.Observer(status)})
	return o.Finish(status, result, err)
}

// deploy does an operation, prints what came of it, and then waits until what was
// deployed is available.
func (o *deployOptions) deploy(ctx context.Context, environment string, do func(*action.Environments) (*action.Result, error)) error {
	var e *action.Environments
	var result *action.Result
	err := o.run(func(environments *action.Environments) (_ *action.Result, err error) {
		e = environments
		result, err = do(e)
		return result, err
	})
	if err != nil || o.DryRun != action.DryRunNone {
		return err
	}
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	e.Observer = o.Observer(status)
	return util.ClusterError(e.WaitReady(ctx, o.wait, environment, result.Changes))
}

var prepareHelp = templates.LongDesc(`
	Make what runs in an Environment match what is recorded: for each of its
	Solutions in each of its namespaces, the Operator with its rights and
	configuration, and the UI. What was deployed and is no longer wanted is
	removed.

	The Solutions are those in ConfigMap metalk8s-environment of each namespace,
	which may be edited by hand. A Solution that cannot be prepared, for example
	because its version is not imported, is reported, and left as it is; the others
	are prepared.`)

var prepareExamples = templates.Examples(`
	kubectl environment prepare staging

	# See what would change
	kubectl environment prepare staging --dry-run=server

	# With rights in one namespace only
	kubectl environment prepare staging --namespace team-a`)

func newPrepareCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newDeployOptions(streams, conn)
	cmd := &cobra.Command{
		Use:               "prepare NAME",
		Short:             "Make an Environment match what is recorded for it",
		Long:              prepareHelp,
		Example:           prepareExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.prepare(cmd.Context(), args[0])
		},
	}
	o.AddFlags(cmd)
	o.AddAdoptFlag(cmd)
	o.addWaitFlags(cmd, "what was deployed is available")
	return cmd
}

func (o *deployOptions) prepare(ctx context.Context, environment string) error {
	return o.deploy(ctx, environment, func(e *action.Environments) (*action.Result, error) {
		return e.Prepare(ctx, action.PrepareOptions{Options: o.Options, Target: o.target(environment)})
	})
}
