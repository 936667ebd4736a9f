// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var createHelp = templates.LongDesc(`
	Create an Environment, or another namespace of one.

	Its first namespace has its name, unless --namespace gives another. A namespace
	that exists already and is not of this Environment is refused, not taken over.`)

var createExamples = templates.Examples(`
	kubectl environment create staging --description "before it goes live"

	# In a namespace of another name
	kubectl environment create Staging_2 --namespace staging-2`)

func newCreateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := newDeployOptions(streams, conn)
	description, ingressClass := "", ""
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create an Environment, or another namespace of one",
		Long:    createHelp,
		Example: createExamples,
		Args:    cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			options := action.CreateEnvironmentOptions{Options: o.Options, Target: o.target(args[0])}
			if cmd.Flags().Changed("description") {
				options.Description = &description
			}
			if cmd.Flags().Changed("ingress-class") {
				options.IngressClass = &ingressClass
			}
			return o.run(func(e *action.Environments) (*action.Result, error) {
				return e.CreateEnvironment(cmd.Context(), options)
			})
		},
	}
	cmd.Flags().StringVarP(&description, "description", "d", description, "What the Environment is for.")
	cmd.Flags().StringVar(&ingressClass, "ingress-class", ingressClass, "The class of the Ingresses of UIs here. The default is "+v1alpha1.DefaultIngressClass+".")
	o.AddFlags(cmd)
	return cmd
}
