// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

var getHelp = templates.LongDesc(`
	List Environments, their namespaces, and the Solutions that are wanted there.`)

var getExamples = templates.Examples(`
	kubectl environment get

	# One Environment as JSON
	kubectl environment get staging -o json

	# With rights in one namespace only
	kubectl environment get staging --namespace team-a`)

func newGetCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	flags := util.NewPrintFlags()
	cmd := &cobra.Command{
		Use:               "get [NAME]",
		Aliases:           []string{"list"},
		Short:             "List Environments and the Solutions in them",
		Long:              getHelp,
		Example:           getExamples,
		Args:              cli.Args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeEnvironments(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.Validate(); err != nil {
				return err
			}
			list, err := gather(cmd.Context(), conn, args)
			if err != nil {
				return err
			}
			return flags.Print(streams.Out, streams.ErrOut, table(list), objects(list), len(args) == 1)
		},
	}
	flags.AddFlags(cmd)
	return cmd
}

func gather(ctx context.Context, conn *util.Connection, args []string) ([]cluster.Environment, error) {
	cl, err := conn.Cluster()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		list, err := cl.Environments(ctx)
		return list, util.ClusterError(err)
	}
	environments := &action.Environments{Cluster: cl}
	list, err := environments.Namespaces(ctx, action.Target{Environment: args[0], Namespace: conn.Namespace()})
	if err != nil {
		return nil, util.ClusterError(err)
	}
	return []cluster.Environment{{Name: args[0], Namespaces: list}}, nil
}

func table(list []cluster.Environment) printers.Table {
	t := printers.Table{
		Columns: []string{"NAME", "NAMESPACE", "SOLUTIONS", "DESCRIPTION"},
		Wide:    []string{"STATUS"},
		Empty:   "There is no Environment.",
	}
	for _, e := range list {
		for _, n := range e.Namespaces {
			var solutions []string
			for _, name := range n.SolutionNames() {
				solutions = append(solutions, name+"@"+n.Solutions[name])
			}
			t.Rows = append(t.Rows, []string{e.Name, n.Name(), strings.Join(solutions, ","), n.Description, string(n.Namespace.Status.Phase)})
		}
	}
	return t
}

// objects are Environments as data. They are no objects of the API server.
func objects(list []cluster.Environment) []*unstructured.Unstructured {
	var objects []*unstructured.Unstructured
	for _, e := range list {
		namespaces := make([]any, 0, len(e.Namespaces))
		for _, n := range e.Namespaces {
			solutions := []any{}
			for _, name := range n.SolutionNames() {
				solutions = append(solutions, map[string]any{"name": name, "version": n.Solutions[name], "webhook": n.Webhooks[name]})
			}
			namespaces = append(namespaces, map[string]any{
				"name": n.Name(), "description": n.Description,
				"solutions": solutions, "status": string(n.Namespace.Status.Phase),
			})
		}
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.APIVersion, "kind": "Environment",
			"metadata": map[string]any{"name": e.Name}, "namespaces": namespaces,
		}})
	}
	return objects
}
