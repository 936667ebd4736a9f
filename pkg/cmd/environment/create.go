// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

var createHelp = templates.LongDesc(`
	Create an Environment, or another namespace of one.

	Its first namespace has its name, unless --namespace gives another. A namespace
	that exists already and is not of this Environment is refused, not taken over.`)

var createExamples = templates.Examples(`
	kubectl environment create staging --description "before it goes live"

	# In a namespace of another name
	kubectl environment create Staging_2 --namespace staging-2`)

type createOptions struct {
	genericiooptions.IOStreams
	conn                      *util.Connection
	dryRun                    cmdutil.DryRunStrategy
	description, ingressClass string
	describe, classIsGiven    bool
}

func newCreateCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &createOptions{IOStreams: streams, conn: conn}
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create an Environment, or another namespace of one",
		Long:    createHelp,
		Example: createExamples,
		Args:    cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.describe, o.classIsGiven = cmd.Flags().Changed("description"), cmd.Flags().Changed("ingress-class")
			if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVarP(&o.description, "description", "d", o.description, "What the Environment is for.")
	cmd.Flags().StringVar(&o.ingressClass, "ingress-class", o.ingressClass, "The class of the Ingresses of UIs here. The default is "+v1alpha1.DefaultIngressClass+".")
	cmdutil.AddDryRunFlag(cmd)
	return cmd
}

// namespaceOf checks the names of an Environment and of its namespace.
func namespaceOf(environment, namespace string) (string, error) {
	if problems := validation.IsValidLabelValue(environment); environment == "" || len(problems) > 0 {
		return "", hint.With(fmt.Errorf("%q is no name of an Environment: it becomes the value of a label", environment),
			"use letters, digits and any of - _ . between them, at most 63")
	}
	if namespace == "" {
		namespace = environment
	}
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return "", hint.With(fmt.Errorf("%q is no name of a namespace: %s", namespace, problems[0]), "give one: --namespace NAME")
	}
	return namespace, nil
}

func (o *createOptions) run(ctx context.Context, environment string) error {
	name, err := namespaceOf(environment, o.conn.Namespace())
	if err != nil {
		return err
	}
	cl, err := o.conn.Cluster()
	if err != nil {
		return err
	}
	n, owner, err := cl.EnvironmentNamespace(ctx, name)
	if err != nil {
		return util.ClusterError(err)
	}
	if n == nil {
		n = &cluster.EnvironmentNamespace{Solutions: map[string]string{}}
		n.Namespace.Name = name
	} else if err := mayUse(n, owner, environment); err != nil {
		return err
	}
	if !o.describe {
		o.description = n.Description
	}
	if o.classIsGiven {
		n.IngressClass = o.ingressClass
	}
	return o.create(ctx, cl, environment, n)
}

// mayUse refuses a namespace that is not the Environment's own.
func mayUse(n *cluster.EnvironmentNamespace, owner, environment string) error {
	switch {
	case n.Terminating():
		return hint.With(fmt.Errorf("namespace %s is being deleted", n.Name()), "wait until it is gone: kubectl wait --for=delete namespace/%s", n.Name())
	case owner == environment:
		return nil
	case owner == "":
		return hint.With(fmt.Errorf("namespace %s exists already, and is not taken over", n.Name()), "choose another one: --namespace NAME")
	}
	return hint.With(fmt.Errorf("namespace %s is one of Environment %s", n.Name(), owner), "choose another one: --namespace NAME")
}

func (o *createOptions) create(ctx context.Context, cl *util.Cluster, environment string, n *cluster.EnvironmentNamespace) error {
	namespace := plan.EnvironmentNamespace(environment, n.Name(), o.description)
	cm, changed := n.Edited()
	suffix := util.DryRunSuffix(o.dryRun)
	entries := apply.ChangeSet{n.Entry(changed)}
	switch o.dryRun {
	case cmdutil.DryRunClient:
		util.PrintChanges(o.Out, append(apply.Planned([]*unstructured.Unstructured{namespace}, apply.Applied), entries...), suffix)
		return nil
	case cmdutil.DryRunServer:
		changes, err := cl.Check(ctx, []*unstructured.Unstructured{namespace})
		if err == nil && n.Namespace.UID != "" {
			err = cl.WriteEnvironment(ctx, cm, cluster.WriteOptions{DryRun: true})
		}
		if err != nil {
			return util.ClusterError(err)
		}
		util.PrintChanges(o.Out, append(changes, entries...), suffix)
		return nil
	}
	changes, err := o.makeNamespace(ctx, cl, namespace, n)
	if err != nil {
		return util.ClusterError(err)
	}
	util.PrintChanges(o.Out, changes, suffix)
	if changed {
		if err := cl.WriteEnvironment(ctx, cm, cluster.WriteOptions{}); err != nil {
			return hint.With(util.ClusterError(err), "run the command again: it goes on where this one ended")
		}
	}
	util.PrintChanges(o.Out, entries, suffix)
	return nil
}

// makeNamespace creates a namespace, and does not take over one that has come
// into being since it was looked for.
func (o *createOptions) makeNamespace(ctx context.Context, cl *util.Cluster, namespace *unstructured.Unstructured, n *cluster.EnvironmentNamespace) (apply.ChangeSet, error) {
	if n.Namespace.UID != "" {
		return cl.Apply(ctx, []*unstructured.Unstructured{namespace})
	}
	changes, err := cl.Create(ctx, namespace)
	if apierrors.IsAlreadyExists(err) {
		return nil, errors.Join(hint.With(fmt.Errorf("namespace %s has been created by someone else at the same time", n.Name()), "run the command again"))
	}
	return changes, err
}
