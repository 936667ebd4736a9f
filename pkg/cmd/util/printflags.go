// SPDX-License-Identifier: Apache-2.0

package util

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

// PrintFlags are -o and what goes with it.
type PrintFlags struct {
	print     *genericclioptions.PrintFlags
	noHeaders bool
}

// NewPrintFlags returns flags that print a table by default.
func NewPrintFlags() *PrintFlags {
	return &PrintFlags{print: genericclioptions.NewPrintFlags("")}
}

// AddFlags adds the flags to a command.
func (f *PrintFlags) AddFlags(cmd *cobra.Command) {
	f.print.AddFlags(cmd)
	if o := cmd.Flags().Lookup("output"); o != nil {
		o.Usage = "Output format. One of: (table, wide, " + strings.Join(f.print.AllowedFormats(), ", ") + ")."
	}
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "Print no column headers in a table.")
}

// Format returns the value of -o.
func (f *PrintFlags) Format() string { return *f.print.OutputFormat }

// IsTable says that a table is to be printed.
func (f *PrintFlags) IsTable() bool {
	switch f.Format() {
	case "", "table", "wide":
		return true
	}
	return false
}

// Validate refuses an output format that there is not, before anything is done.
func (f *PrintFlags) Validate() error {
	if f.IsTable() {
		return nil
	}
	_, err := f.print.ToPrinter()
	if genericclioptions.IsNoCompatiblePrinterError(err) {
		return fmt.Errorf("output format %q is unknown: it is one of table, wide, %s", f.Format(), strings.Join(f.print.AllowedFormats(), ", "))
	}
	return err
}

// Print writes objects to out, as a table or in the format asked for. In the
// latter, several objects are a List, unless single says that there is one.
func (f *PrintFlags) Print(out, errOut io.Writer, table printers.Table, objects []*unstructured.Unstructured, single bool) error {
	if f.IsTable() {
		return table.Print(out, errOut, printers.TableOptions{Wide: f.Format() == "wide", NoHeaders: f.noHeaders})
	}
	printer, err := f.print.ToPrinter()
	if err != nil {
		return err
	}
	if f.Format() == "name" || (single && len(objects) == 1) {
		return printers.PrintEach(out, printer, objects)
	}
	return printers.PrintObjects(out, printer, objects)
}
