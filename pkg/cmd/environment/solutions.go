// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var addSolutionHelp = templates.LongDesc(`
	Deploy a version of a Solution into an Environment: its Operator, with its
	rights and configuration, and its UI. Where another version of it runs, that is
	replaced.

	The version has to be imported. Everything is checked by the API server, your
	rights included, before anything is changed.`)

var addSolutionExamples = templates.Examples(`
	kubectl environment add-solution staging --solution storage --version 1.0.0

	# See what would be deployed
	kubectl environment add-solution staging --solution storage --version 1.1.0 --dry-run=server

	# An Operator with an admission webhook: its certificate is secret storage-cert
	kubectl environment add-solution staging --solution storage --version 1.0.0 --webhook`)

// solutionOptions are those of add-solution and delete-solution.
type solutionOptions struct {
	*deployOptions
	solution, version       string
	webhook, webhookIsGiven bool
}

func newAddSolutionCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &solutionOptions{deployOptions: newDeployOptions(streams, conn)}
	cmd := &cobra.Command{
		Use:               "add-solution NAME --solution SOLUTION --version VERSION",
		Short:             "Deploy a version of a Solution into an Environment",
		Long:              addSolutionHelp,
		Example:           addSolutionExamples,
		Args:              cli.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.webhookIsGiven = cmd.Flags().Changed("webhook")
			if o.version == "" {
				return cli.UsageError(cmd, "--version is needed: which version of the Solution to deploy")
			}
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.add(cmd.Context(), args[0])
		},
	}
	o.addSolutionFlag(cmd)
	cmd.Flags().StringVar(&o.version, "version", o.version, "The version to deploy.")
	cmd.Flags().BoolVar(&o.webhook, "webhook", o.webhook, "The Operator serves an admission webhook: mount the certificate in secret SOLUTION-cert.")
	util.MustCompleteFlag(cmd, "version", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return util.SolutionVersions(cmd.Context(), conn, o.solution), cobra.ShellCompDirectiveNoFileComp
	})
	o.addFlags(cmd, "what was deployed is available")
	o.flags.AddFlags(cmd)
	return cmd
}

func (o *solutionOptions) addSolutionFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.solution, "solution", o.solution, "The name of the Solution.")
	util.MustCompleteFlag(cmd, "solution", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return util.SolutionNames(cmd.Context(), o.conn), cobra.ShellCompDirectiveNoFileComp
	})
}

func (o *solutionOptions) complete(cmd *cobra.Command) error {
	if o.solution == "" {
		return cli.UsageError(cmd, "--solution is needed: the name of the Solution")
	}
	if problems := validation.IsDNS1123Label(o.solution); len(problems) > 0 {
		return cli.UsageError(cmd, "--solution %q is no name of a Solution: %s", o.solution, problems[0])
	}
	return o.deployOptions.complete(cmd)
}

func (o *solutionOptions) add(ctx context.Context, environment string) error {
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
	o.edit(n)
	dep, err := d.compute(ctx, *n, scope{solutions: []string{o.solution}})
	if err != nil {
		return err
	}
	o.warnInactive(d)
	return o.deploy(ctx, d, []*deployment{dep}, o.recorder(ctx, d, n))
}

// edit is what add-solution changes of what a namespace records.
func (o *solutionOptions) edit(n *cluster.EnvironmentNamespace) {
	n.Solutions[o.solution] = o.version
	if o.webhookIsGiven {
		n.Webhooks[o.solution] = o.webhook
	}
}

// warnInactive tells of a Solution whose definitions are not in the cluster:
// its Operator will find nothing to work on.
func (o *solutionOptions) warnInactive(d *deployer) {
	active := slices.ContainsFunc(d.catalog.Records[o.solution], func(r v1alpha1.SolutionRecord) bool { return r.Active })
	if !active {
		cli.Warn(o.ErrOut, "no version of Solution %s is active, so its custom resources are not defined: kubectl solution activate %s", o.solution, o.solution)
	}
}

// recorder returns a function that writes down what a namespace is to hold,
// as it is in n now. Where someone else has written in between, their edit is
// kept and this one made again.
func (o *solutionOptions) recorder(ctx context.Context, d *deployer, n *cluster.EnvironmentNamespace) func(cluster.WriteOptions) error {
	return func(opts cluster.WriteOptions) error {
		current := n
		for range maxConflicts {
			cm, changed := current.Edited()
			if changed {
				err := d.cluster.WriteEnvironment(ctx, cm, opts)
				if cluster.IsConflict(err) {
					if current, err = o.reread(ctx, d, n.Name()); err == nil {
						continue
					}
				}
				if err != nil {
					return err
				}
			}
			if !opts.DryRun || o.dryRun == cmdutil.DryRunServer {
				d.status.Clear()
				util.PrintChanges(o.Out, apply.ChangeSet{current.Entry(changed)}, util.DryRunSuffix(o.dryRun))
			}
			return nil
		}
		return fmt.Errorf("ConfigMap %s/%s is changed by others all the time", n.Name(), v1alpha1.EnvironmentConfigMap)
	}
}

// maxConflicts bounds how often others may write in between.
const maxConflicts = 10

func (o *solutionOptions) reread(ctx context.Context, d *deployer, namespace string) (*cluster.EnvironmentNamespace, error) {
	list, err := namespaces(ctx, d.cluster, d.environment, namespace)
	if err != nil {
		return nil, err
	}
	n, err := choose(d.environment, list)
	if err != nil {
		return nil, err
	}
	if o.version == "" {
		n.Remove(o.solution)
	} else {
		o.edit(n)
	}
	return n, nil
}

// solutionNames returns the Solutions that are wanted in a namespace, sorted.
func solutionNames(n cluster.EnvironmentNamespace) []string {
	return slices.Sorted(maps.Keys(n.Solutions))
}
