// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
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
	o.AddFlags(cmd)
	o.AddAdoptFlag(cmd)
	o.addWaitFlags(cmd, "what was deployed is available")
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
		return cli.UsageError(cmd, "invalid --solution %q: %s", o.solution, problems[0])
	}
	return o.deployOptions.complete(cmd)
}

func (o *solutionOptions) add(ctx context.Context, environment string) error {
	return o.deploy(ctx, environment, func(e *action.Environments) (*action.Result, error) {
		options := action.AddSolutionOptions{
			Options: o.Options, Target: o.target(environment), Solution: o.solution, Version: o.version,
		}
		if o.webhookIsGiven {
			options.Webhook = &o.webhook
		}
		return e.AddSolution(ctx, options)
	})
}
