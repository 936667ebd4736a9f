// SPDX-License-Identifier: Apache-2.0

// Package cli is how commands begin and end: their arguments, errors, hints and
// exit status. It knows no cluster, so that solution-bootstrap can use it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// ExitError ends a command with a status and no message: what there is to say
// has been printed.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// Execute runs a command until it ends or is interrupted, prints its error,
// and returns the exit status. It is the one place where errors are printed.
func Execute(cmd *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(ctx)
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	case ctx.Err() != nil:
		PrintError(cmd.ErrOrStderr(), hint.With(errors.New("interrupted"), "run the command again: it goes on where it ended"))
		return 130
	}
	PrintError(cmd.ErrOrStderr(), err)
	return 1
}

// PrintError prints an error and, where it has one, its hint.
func PrintError(w io.Writer, err error) {
	fmt.Fprintf(w, "error: %s\n", indent(err.Error()))
	if h := hint.Of(err); h != "" {
		fmt.Fprintf(w, "hint: %s\n", indent(h))
	}
}

// Warn prints a warning.
func Warn(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "warning: %s\n", indent(fmt.Sprintf(format, args...)))
}

func indent(s string) string {
	return strings.ReplaceAll(Printable(strings.TrimRight(s, "\n")), "\n", "\n  ")
}

// Printable leaves out of s what a terminal would act on, except for newlines
// and tabs: what is printed may come from another machine.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// UsageError returns an error whose hint is how to see the command's help.
func UsageError(cmd *cobra.Command, format string, args ...any) error {
	return hint.With(fmt.Errorf(format, args...), "%s --help shows how it is used", cmd.CommandPath())
}

// Args are cobra's argument checks, with a hint.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return UsageError(cmd, "%w", err)
		}
		return nil
	}
}

// Group completes a command that only holds others: called with none of them
// it shows its help, with an unknown one it is an error.
func Group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return UsageError(cmd, "unknown command %q for %q", args[0], cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return UsageError(cmd, "%w", err) })
	return cmd
}
