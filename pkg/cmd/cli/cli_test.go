// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// command returns one that ends as run does, and what it prints as an error.
func command(run func(*cobra.Command, []string) error, args ...string) (*cobra.Command, *bytes.Buffer) {
	stderr := &bytes.Buffer{}
	cmd := &cobra.Command{Use: "storage", Args: Args(cobra.MaximumNArgs(1)), RunE: run, Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl storage"}}
	cmd.SetErr(stderr)
	cmd.SetOut(stderr)
	cmd.SetArgs(args)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return UsageError(cmd, "%w", err) })
	return cmd, stderr
}

func TestExecute(t *testing.T) {
	cause := errors.New("cause")
	for name, tt := range map[string]struct {
		err    error
		args   []string
		status int
		want   string
	}{
		"nothing wrong":       {nil, nil, 0, ""},
		"an error":            {cause, nil, 1, "error: cause\n"},
		"a hint, wrapped":     {fmt.Errorf("doing it: %w", hint.With(cause, "do %s", "that")), nil, 1, "error: doing it: cause\nhint: do that\n"},
		"an exit status":      {&ExitError{Code: 3}, nil, 3, ""},
		"a wrapped status":    {fmt.Errorf("differs: %w", &ExitError{Code: 1}), nil, 1, ""},
		"too many arguments":  {nil, []string{"a", "b"}, 1, "error: accepts at most 1 arg(s), received 2\nhint: kubectl storage --help shows how it is used\n"},
		"a flag there is not": {nil, []string{"--none"}, 1, "error: unknown flag: --none\nhint: kubectl storage --help shows how it is used\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := command(func(*cobra.Command, []string) error { return tt.err }, tt.args...)
			cmd.SetArgs(append([]string{}, tt.args...))
			if got := Execute(cmd); got != tt.status || stderr.String() != tt.want {
				t.Errorf("status %d, want %d; stderr\n%s\nwant\n%s", got, tt.status, stderr, tt.want)
			}
		})
	}
}

func TestExecuteInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, stderr := command(func(cmd *cobra.Command, _ []string) error {
			if err := syscall.Kill(os.Getpid(), signal); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return fmt.Errorf("waiting: %w", context.Cause(cmd.Context()))
		})
		cmd.SetArgs([]string{})
		const want = "error: interrupted\nhint: run the command again: it goes on where it ended\n"
		if got := Execute(cmd); got != 130 || stderr.String() != want {
			t.Errorf("%v: status %d, stderr %s", signal, got, stderr)
		}
	}
}

func TestPrintErrorOfSeveralLines(t *testing.T) {
	var out bytes.Buffer
	PrintError(&out, hint.With(errors.Join(errors.New("one"), errors.New("two\n")), "first this\nthen that"))
	Warn(&out, "%d of %s\n", 2, "a\nb\tc\x1b]0;title\x07\u009b2Jé")
	const want = "error: one\n  two\nhint: first this\n  then that\nwarning: 2 of a\n  b\tc ]0;title  2Jé\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestExitError(t *testing.T) {
	if got := (&ExitError{Code: 4}).Error(); got != "exit status 4" {
		t.Error(got)
	}
}

func TestGroup(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"nothing"}, "unknown command \"nothing\" for \"kubectl storage\""},
		{[]string{"--none"}, "unknown flag: --none"},
		{[]string{"child", "--none"}, "unknown flag: --none"},
		{[]string{}, ""},
		{[]string{"child"}, "ran"},
	} {
		cmd, out := command(nil)
		Group(cmd)
		cmd.AddCommand(&cobra.Command{Use: "child", Short: "The child of it", RunE: func(*cobra.Command, []string) error { return errors.New("ran") }})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(tt.args)
		err := cmd.ExecuteContext(t.Context())
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.args, got, tt.want)
		}
		if len(tt.args) == 0 && !bytes.Contains(out.Bytes(), []byte("The child of it")) {
			t.Errorf("no help without a command: %s", out)
		}
	}
}
