// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

var checkHelp = templates.LongDesc(`
	Check archives against every rule, and every blob of them against its digest.

	The exit status is 1 when an archive has an error, whether it prevents the
	import or only a later step. Warnings do not count.

	A file on this machine is read here, and no cluster is needed. Any other path
	is one on the bootstrap node.`)

var checkExamples = templates.Examples(`
	kubectl solution check storage-1.0.0.iso

	# In a pipeline
	kubectl solution check -o json storage-1.0.0.iso > report.json`)

func newCheckCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	flags := util.NewPrintFlags()
	cmd := &cobra.Command{
		Use:     "check ARCHIVE...",
		Short:   "Check every rule and every digest of archives",
		Long:    checkHelp,
		Example: checkExamples,
		Args:    cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.Validate(); err != nil {
				return err
			}
			return check(cmd.Context(), conn, streams, flags, args)
		},
	}
	flags.AddFlags(cmd)
	return cmd
}

func check(ctx context.Context, conn *util.Connection, streams genericiooptions.IOStreams, flags *util.PrintFlags, paths []string) error {
	var reports []archive.Report
	failed := false
	for _, path := range paths {
		checked, err := examine(ctx, conn, streams, path, false)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			// There is no report on what is no archive at all; the others
			// are checked all the same.
			cli.PrintError(streams.ErrOut, err)
			failed = true
			continue
		}
		reports = append(reports, checked.Report)
		failed = failed || !checked.Report.OK()
		if flags.IsTable() && checked.Report.OK() && checked.Content != nil {
			fmt.Fprintf(streams.Out, "%s: %s is whole: %d images, every digest is right\n", path, checked.Content.ID, len(checked.Content.Images))
		}
	}
	if err := printReports(streams, flags, reports); err != nil {
		return err
	}
	if failed {
		return &cli.ExitError{Code: 1}
	}
	return nil
}

func printReports(streams genericiooptions.IOStreams, flags *util.PrintFlags, reports []archive.Report) error {
	table := printers.Table{
		Columns: []string{"SEVERITY", "RULE", "PREVENTS", "FINDING"},
		Wide:    []string{"ARCHIVE", "HINT"},
	}
	var objects []*unstructured.Unstructured
	for _, r := range reports {
		findings := make([]any, 0, len(r.Findings))
		for _, f := range r.Findings {
			table.Rows = append(table.Rows, []string{string(f.Severity), f.Rule, string(f.Blocks), f.String(), r.Archive, f.Hint})
			findings = append(findings, map[string]any{
				"severity": string(f.Severity), "rule": f.Rule, "path": f.Path,
				"message": f.Message, "hint": f.Hint, "blocks": string(f.Blocks),
			})
		}
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.APIVersion, "kind": "ArchiveReport",
			"metadata": map[string]any{"name": r.Archive}, "ok": r.OK(), "findings": findings,
		}})
	}
	if flags.IsTable() && len(table.Rows) == 0 {
		return nil
	}
	return flags.Print(streams.Out, streams.ErrOut, table, objects, len(reports) == 1)
}
