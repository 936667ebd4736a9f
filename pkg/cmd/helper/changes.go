// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/installer"
)

// carryOut makes the changes, or prints what they would be.
func (o *installOptions) carryOut(cmd *cobra.Command, i installer.Installer, changes []installer.Change) error {
	if o.dryRun {
		return printPlan(cmd.OutOrStdout(), changes)
	}
	if err := i.Apply(cmd.Context(), changes); err != nil {
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", c.File.Path, c.Action); err != nil {
			return err
		}
	}
	_, after := installer.Commands(changes)
	if i.Systemctl == nil && len(after) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "systemd does not run here; where it does, run:\n%s", commandLines("  ", after))
	}
	return nil
}

// printPlan prints commands and files in the order in which they would come.
func printPlan(w io.Writer, changes []installer.Change) error {
	before, after := installer.Commands(changes)
	text := commandLines("==> ", before)
	for _, c := range changes {
		text += fmt.Sprintf("==> %s %s\n", c.File.Path, c.Action)
		if c.Action != installer.Kept {
			text += c.File.Content
		}
	}
	_, err := io.WriteString(w, text+commandLines("==> ", after))
	return err
}

func commandLines(prefix string, commands [][]string) string {
	var text strings.Builder
	for _, arguments := range commands {
		fmt.Fprintf(&text, "%ssystemctl %s\n", prefix, strings.Join(arguments, " "))
	}
	return text.String()
}
