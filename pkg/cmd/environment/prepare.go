// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

// defaultTimeout bounds the waiting for what was deployed.
const defaultTimeout = 5 * time.Minute

// deployOptions are what the commands have in common that deploy Solutions, or
// remove them.
type deployOptions struct {
	genericiooptions.IOStreams
	conn    *util.Connection
	dryRun  cmdutil.DryRunStrategy
	flags   *util.PrintFlags
	wait    bool
	timeout time.Duration
}

func newDeployOptions(streams genericiooptions.IOStreams, conn *util.Connection) *deployOptions {
	return &deployOptions{IOStreams: streams, conn: conn, flags: util.NewPrintFlags(), wait: true, timeout: defaultTimeout}
}

func (o *deployOptions) addFlags(cmd *cobra.Command, until string) {
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().BoolVar(&o.wait, "wait", o.wait, "Wait until "+until+".")
	cmd.Flags().DurationVar(&o.timeout, "timeout", o.timeout, "How long to wait.")
}

func (o *deployOptions) complete(cmd *cobra.Command) (err error) {
	if o.timeout <= 0 {
		return cli.UsageError(cmd, "--timeout must be longer than 0")
	}
	if err := o.flags.Validate(); err != nil {
		return err
	}
	o.dryRun, err = cmdutil.GetDryRunStrategy(cmd)
	if err == nil && !o.flags.IsTable() && o.dryRun == cmdutil.DryRunNone {
		return cli.UsageError(cmd, "-o %s prints what would be deployed: it goes with --dry-run", o.flags.Format())
	}
	return err
}

var prepareHelp = templates.LongDesc(`
	Make what runs in an Environment match what is recorded: for each of its
	Solutions in each of its namespaces, the Operator with its rights and
	configuration, and the UI. What was deployed and is no longer wanted is
	removed.

	The Solutions are those in ConfigMap metalk8s-environment of each namespace,
	which may be edited by hand. A version that is not imported is an error, and
	nothing is changed then.`)

var prepareExamples = templates.Examples(`
	kubectl environment prepare staging

	# See what would change
	kubectl environment prepare staging --dry-run=server

	# With rights in one namespace only
	kubectl environment prepare staging --namespace team-a

	# The objects as YAML, for another tool
	kubectl environment prepare staging --dry-run=client -o yaml`)

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
	o.addFlags(cmd, "what was deployed is available")
	o.flags.AddFlags(cmd)
	return cmd
}

func (o *deployOptions) prepare(ctx context.Context, environment string) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	d, list, err := open(ctx, o.conn, status, environment)
	if err != nil {
		return err
	}
	// All is computed, and checked by the server, before the first change.
	var all []*deployment
	var failed []error
	for _, n := range list {
		if n.Terminating() {
			cli.Warn(o.ErrOut, "namespace %s is being deleted, and is passed over", n.Name())
			continue
		}
		dep, err := d.compute(ctx, n, scope{solutions: slices.Sorted(maps.Keys(n.Solutions)), everything: true})
		failed = append(failed, err)
		all = append(all, dep)
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(dep *deployment) bool { return len(dep.objects)+len(dep.prune) > 0 }) {
		fmt.Fprintf(o.ErrOut, "Environment %s has no Solutions, and nothing is left of any.\n", environment)
	}
	return o.deploy(ctx, d, all, nil)
}

// deploy checks deployments, and then makes them, after recording what they
// are for. In a dry run it prints what would be done.
func (o *deployOptions) deploy(ctx context.Context, d *deployer, all []*deployment, record func(cluster.WriteOptions) error) error {
	if !o.flags.IsTable() {
		return o.printObjects(ctx, d, all)
	}
	if o.dryRun == cmdutil.DryRunClient {
		for _, dep := range all {
			util.PrintChanges(o.Out, dep.planned(), util.DryRunSuffix(o.dryRun))
		}
		return nil
	}
	d.status.Step("checking what is to be deployed")
	if err := o.check(ctx, d, all, record); err != nil || o.dryRun != cmdutil.DryRunNone {
		return err
	}
	if record != nil {
		if err := record(cluster.WriteOptions{}); err != nil {
			return util.ClusterError(err)
		}
	}
	for _, dep := range all {
		changes, err := d.execute(ctx, dep)
		d.status.Clear()
		util.PrintChanges(o.Out, changes, "")
		if err != nil {
			return withPrepareHint(util.ClusterError(err), d.environment)
		}
	}
	return o.waitFor(ctx, d, all)
}

// check has the server try everything; a dry run prints what it said.
func (o *deployOptions) check(ctx context.Context, d *deployer, all []*deployment, record func(cluster.WriteOptions) error) error {
	var failed []error
	for _, dep := range all {
		changes, err := d.check(ctx, dep)
		failed = append(failed, err)
		if err == nil && o.dryRun == cmdutil.DryRunServer {
			d.status.Clear()
			util.PrintChanges(o.Out, changes, util.DryRunSuffix(o.dryRun))
		}
	}
	if record != nil {
		failed = append(failed, record(cluster.WriteOptions{DryRun: true}))
	}
	return util.ClusterError(errors.Join(failed...))
}

func (o *deployOptions) waitFor(ctx context.Context, d *deployer, all []*deployment) error {
	if !o.wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	for _, dep := range all {
		if err := d.cluster.Wait(ctx, dep.deployments(), d.status.Observe); err != nil {
			d.status.Clear()
			return fmt.Errorf("environment %s: %w", d.environment, err)
		}
	}
	return nil
}

// printObjects prints what would be applied, in a dry run by the server once
// that has accepted it.
func (o *deployOptions) printObjects(ctx context.Context, d *deployer, all []*deployment) error {
	var objects []*unstructured.Unstructured
	var failed []error
	for _, dep := range all {
		objects = append(objects, dep.objects...)
		if o.dryRun == cmdutil.DryRunServer {
			_, err := d.check(ctx, dep)
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return util.ClusterError(err)
	}
	return o.flags.Print(o.Out, o.ErrOut, printers.Table{}, objects, false)
}
