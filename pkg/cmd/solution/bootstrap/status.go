// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

var statusHelp = templates.LongDesc(`
	Tell how the bootstrap node is: its helper and that one's configuration, the
	archives that it lists, whether its registry answers and serves them, and
	whether the cluster records the same. Everything that is not as it should be is
	named, with the command that helps. Nothing is changed.

	The helper asks the registry, on the bootstrap node. Whether other nodes reach
	it, this does not tell.

	The exit status is 1 when something is wrong, or could not be found out, as it
	is where the helper or the cluster cannot be reached; what is known is printed
	all the same.`)

var statusExamples = templates.Examples(`
	kubectl solution bootstrap status

	# For a monitoring system
	kubectl solution bootstrap status -o json > status.json

	# Only what is wrong
	kubectl solution bootstrap status -o jsonpath='{range .problems[*]}{.message}{"\n"}{end}'`)

func newStatusCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	flags := util.NewPrintFlags()
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Tell whether helper, registry and cluster are as they should be",
		Long:    statusHelp,
		Example: statusExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.Validate(); err != nil {
				return err
			}
			return runStatus(cmd.Context(), streams, conn, flags)
		},
	}
	flags.AddFlags(cmd)
	return cmd
}

func runStatus(ctx context.Context, streams genericiooptions.IOStreams, conn *util.Connection, flags *util.PrintFlags) error {
	f := gather(ctx, streams, conn)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := newReport(f)
	if err := printReport(streams, flags, r); err != nil {
		return err
	}
	if !r.OK {
		return &cli.ExitError{Code: 1}
	}
	return nil
}

func printReport(streams genericiooptions.IOStreams, flags *util.PrintFlags, r *report) error {
	if !flags.IsTable() {
		object, err := r.object()
		if err != nil {
			return err
		}
		return flags.Print(streams.Out, streams.ErrOut, printers.Table{}, []*unstructured.Unstructured{object}, true)
	}
	if err := r.describe(streams.Out); err != nil {
		return err
	}
	if table := r.table(); len(table.Rows) > 0 {
		fmt.Fprintln(streams.Out)
		if err := flags.Print(streams.Out, streams.ErrOut, table, nil, false); err != nil {
			return err
		}
	}
	return r.printProblems(streams.Out)
}
