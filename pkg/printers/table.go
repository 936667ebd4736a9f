// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"k8s.io/cli-runtime/pkg/printers"
)

// Table is rows under columns; a cell that is "" is printed as "<none>".
type Table struct {
	Columns []string
	Rows    [][]string
	// Wide are further columns, shown with -o wide; their cells end each row.
	Wide []string
	// Empty is what is said, on standard error, where there is no row.
	Empty string
}

// TableOptions tell how to print a Table.
type TableOptions struct {
	// Wide shows the further columns too.
	Wide bool
	// NoHeaders leaves the names of the columns out.
	NoHeaders bool
}

// Print writes the table to out, aligned; one without rows says so on errOut,
// and leaves out as it is.
func (t Table) Print(out, errOut io.Writer, opts TableOptions) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(errOut, t.Empty)
		return err
	}
	columns := t.Columns
	if opts.Wide {
		columns = slices.Concat(t.Columns, t.Wide)
	}
	w := printers.GetNewTabWriter(out)
	var errs []error
	line := func(cells []string) {
		_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
		errs = append(errs, err)
	}
	if !opts.NoHeaders {
		line(columns)
	}
	for _, row := range t.Rows {
		cells := make([]string, len(columns))
		for i := range cells {
			if cells[i] = "<none>"; i < len(row) && row[i] != "" {
				cells[i] = oneLine(row[i])
			}
		}
		line(cells)
	}
	return errors.Join(append(errs, w.Flush())...)
}

// oneLine returns a cell without what would begin another cell or row, or act on
// a terminal: some of it is what users write.
func oneLine(cell string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, cell)
}
