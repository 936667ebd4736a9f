// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var deleteSolutionHelp = templates.LongDesc(`
	Remove a Solution from an Environment: its Operator, UI, roles and bindings. A
	ClusterRole goes when nobody else uses it.

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
	o.addFlags(cmd, "what was removed is gone")
	return cmd
}

func (o *solutionOptions) remove(ctx context.Context, environment string) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	d, list, err := open(ctx, o.conn, status, environment)
	if err != nil {
		return err
	}
	n, err := choose(environment, list)
	if err != nil {
		return err
	}
	version := n.Solutions[o.solution]
	dep, err := d.compute(ctx, *n, scope{removed: []string{o.solution}})
	if err != nil {
		return err
	}
	n.Remove(o.solution)
	if err := o.deploy(ctx, d, []*deployment{dep}, o.recorder(ctx, d, n)); err != nil {
		return err
	}
	if err := o.waitGone(ctx, d, dep); err != nil {
		return err
	}
	return o.warnOrphans(ctx, d, n.Name(), version)
}

func (o *solutionOptions) waitGone(ctx context.Context, d *deployer, dep *deployment) error {
	if !o.wait || o.dryRun != cmdutil.DryRunNone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return d.cluster.WaitDeleted(ctx, dep.prune, d.status.Observe)
}

// warnOrphans tells of custom resources that nobody looks after any more. It
// is a courtesy: without the right to see them it says nothing.
func (o *solutionOptions) warnOrphans(ctx context.Context, d *deployer, namespace, version string) error {
	content, err := d.content(ctx, v1alpha1.ID(o.solution, version))
	if err != nil || content == nil {
		return nil //nolint:nilerr // see above
	}
	objects, err := customObjects(ctx, d.cluster, content, namespace)
	if err == nil && len(objects) > 0 {
		names := objectNames(objects)
		d.status.Clear()
		cli.Warn(o.ErrOut, "%s left in namespace %s, with no Operator to look after: %s",
			util.Count(len(names), "custom resource"), namespace, util.Enumerate(names, 5))
	}
	return nil
}
