// SPDX-License-Identifier: Apache-2.0

// Gendocs writes the reference pages from the commands and rules themselves.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/environment"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gendocs FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func generate(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	streams := genericiooptions.NewTestIOStreamsDiscard()
	pages := map[string]string{
		"kubectl-solution.md":    commandPage(solution.NewCommand(streams, "")),
		"kubectl-environment.md": commandPage(environment.NewCommand(streams, "")),
		"solution-bootstrap.md":  commandPage(helper.NewCommand(strings.NewReader(""), io.Discard, io.Discard, "")),
		"rules.md":               rulesPage(),
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// commandPage describes a command and those below it, on one page.
func commandPage(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", root.DisplayName(), paragraph(root.Long))
	writeExamples(&b, root)
	writeCommands(&b, root)
	if flags := root.PersistentFlags().FlagUsagesWrapped(100); flags != "" {
		fmt.Fprintf(&b, "\n## Flags of every command\n\n```\n%s```\n", withoutHome(flags))
	}
	return b.String()
}

// writeCommands describes the commands below one, however deep.
func writeCommands(b *strings.Builder, parent *cobra.Command) {
	for _, cmd := range parent.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", cmd.CommandPath(), paragraph(cmd.Long), cmd.UseLine())
		writeExamples(b, cmd)
		if flags := cmd.LocalNonPersistentFlags().FlagUsagesWrapped(100); flags != "" {
			fmt.Fprintf(b, "\nFlags:\n\n```\n%s```\n", flags)
		}
		writeCommands(b, cmd)
	}
}

func writeExamples(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", unindent(cmd.Example))
	}
}

// withoutHome keeps the folder of whoever generates out of the page.
func withoutHome(text string) string {
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		text = strings.ReplaceAll(text, home, "$HOME")
	}
	return text
}

// paragraph drops the space that kubectl's templates put before paragraphs.
func paragraph(text string) string {
	lines := strings.Split(unindent(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func unindent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

func rulesPage() string {
	var b strings.Builder
	b.WriteString("# Rules for archives\n\nWhat `kubectl solution check` looks at. Each finding names its rule.\n\n| rule | meaning |\n|---|---|\n")
	for _, rule := range archive.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", rule.Name, strings.ReplaceAll(rule.Meaning, "|", "\\|"))
	}
	return b.String()
}
