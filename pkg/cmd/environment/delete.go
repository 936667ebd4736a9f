// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
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

type deleteOptions struct {
	genericiooptions.IOStreams
	conn    *util.Connection
	dryRun  cmdutil.DryRunStrategy
	yes     bool
	wait    bool
	timeout time.Duration
}

func newDeleteCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &deleteOptions{IOStreams: streams, conn: conn, wait: true, timeout: defaultTimeout}
	cmd := &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete an Environment with all that is in it",
		Long:              deleteHelp,
		Example:           deleteExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.timeout <= 0 {
				return cli.UsageError(cmd, "--timeout must be longer than 0")
			}
			if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", o.yes, "Do not ask before deleting.")
	cmd.Flags().BoolVar(&o.wait, "wait", o.wait, "Wait until the namespaces are gone.")
	cmd.Flags().DurationVar(&o.timeout, "timeout", o.timeout, "How long to wait.")
	return cmd
}

// doomed is a namespace that is to be deleted, and what is in it.
type doomed struct {
	namespace  *unstructured.Unstructured
	resources  []*unstructured.Unstructured // custom resources of its Solutions
	deployment *deployment
}

func (o *deleteOptions) run(ctx context.Context, environment string) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	d, list, err := open(ctx, o.conn, status, environment)
	if errors.Is(err, errNotThere) {
		fmt.Fprintf(o.Out, "environment/%s unchanged: it does not exist%s\n", environment, util.DryRunSuffix(o.dryRun))
		return nil
	}
	if err != nil {
		return err
	}
	var all []doomed
	for _, n := range list {
		one, err := o.gather(ctx, d, environment, n)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	if err := o.check(ctx, d, all); err != nil || o.dryRun != cmdutil.DryRunNone {
		return err
	}
	if err := util.Confirm(o.IOStreams, o.yes, consequence(environment, list, all)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	for _, one := range all {
		if err := o.delete(ctx, d, one); err != nil {
			return util.ClusterError(err)
		}
	}
	return o.waitGone(ctx, d, all)
}

func (o *deleteOptions) gather(ctx context.Context, d *deployer, environment string, n cluster.EnvironmentNamespace) (doomed, error) {
	one := doomed{namespace: plan.EnvironmentNamespace(environment, n.Name(), "")}
	dep, err := d.compute(ctx, n, scope{removed: solutionNames(n), everything: true})
	if err != nil {
		return one, err
	}
	one.deployment = dep
	one.resources, err = d.customResources(ctx, n.Name())
	return one, util.ClusterError(err)
}

// check tells what would be deleted, and that it may be.
func (o *deleteOptions) check(ctx context.Context, d *deployer, all []doomed) error {
	var failed []error
	for _, one := range all {
		objects := one.inOrder()
		changes := apply.Planned(objects, apply.Deleted)
		if o.dryRun != cmdutil.DryRunClient {
			var err error
			changes, err = d.cluster.Delete(ctx, objects, apply.DeleteOptions{DryRun: true})
			failed = append(failed, err)
		}
		if o.dryRun != cmdutil.DryRunNone {
			util.PrintChanges(o.Out, changes, util.DryRunSuffix(o.dryRun))
		}
	}
	return util.ClusterError(errors.Join(failed...))
}

func (one doomed) inOrder() []*unstructured.Unstructured {
	objects := append([]*unstructured.Unstructured{}, one.resources...)
	objects = append(objects, one.deployment.prune...)
	return append(objects, one.namespace)
}

func consequence(environment string, list []cluster.EnvironmentNamespace, all []doomed) string {
	var lines []string
	for i, one := range all {
		line := fmt.Sprintf("deleting namespace %s of Environment %s with everything in it", list[i].Name(), environment)
		if names := solutionNames(list[i]); len(names) > 0 {
			line += ", Solutions " + strings.Join(names, ", ")
		}
		if n := len(one.resources); n > 0 {
			line += fmt.Sprintf(", and %s with all that stands behind: %s", util.Count(n, "custom resource"), util.Enumerate(objectNames(one.resources), 5))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// delete deletes what is in a namespace, and then the namespace.
func (o *deleteOptions) delete(ctx context.Context, d *deployer, one doomed) error {
	steps := []struct {
		objects []*unstructured.Unstructured
		wait    bool
	}{
		{one.resources, true}, // while their Operators are there
		{one.deployment.prune, false},
		{[]*unstructured.Unstructured{one.namespace}, false},
	}
	for _, step := range steps {
		changes, err := d.cluster.Delete(ctx, step.objects, apply.DeleteOptions{})
		d.status.Clear()
		util.PrintChanges(o.Out, changes, "")
		if err == nil && step.wait {
			err = d.cluster.WaitDeleted(ctx, step.objects, d.status.Observe)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *deleteOptions) waitGone(ctx context.Context, d *deployer, all []doomed) error {
	if !o.wait {
		return nil
	}
	var list []*unstructured.Unstructured
	for _, one := range all {
		list = append(list, one.namespace)
	}
	return d.cluster.WaitDeleted(ctx, list, d.status.Observe)
}
