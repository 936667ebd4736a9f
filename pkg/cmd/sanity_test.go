// SPDX-License-Identifier: Apache-2.0

// Package cmd_test holds what is tested of all commands together.
package cmd_test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/environment"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
)

// trees are the three programs, by how people call them.
func trees() map[string]*cobra.Command {
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard}
	return map[string]*cobra.Command{
		"kubectl solution":    solution.NewCommand(streams, "dev"),
		"kubectl environment": environment.NewCommand(streams, "dev"),
		"solution-bootstrap":  helper.NewCommand(streams.In, streams.Out, streams.ErrOut, "dev"),
	}
}

// walk calls check for every command of a tree.
func walk(cmd *cobra.Command, check func(*cobra.Command)) {
	check(cmd)
	for _, child := range cmd.Commands() {
		walk(child, check)
	}
}

func TestCommands(t *testing.T) {
	for program, root := range trees() {
		walk(root, func(cmd *cobra.Command) {
			path := cmd.CommandPath()
			if !strings.HasPrefix(path, program) {
				t.Errorf("%s does not call itself %s", path, program)
			}
			for what, text := range map[string]string{"Short": cmd.Short, "Long": cmd.Long, "Example": cmd.Example} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s has no %s", path, what)
				}
			}
			if strings.HasSuffix(cmd.Short, ".") || strings.Contains(cmd.Short, "\n") {
				t.Errorf("%s: Short is no title: %q", path, cmd.Short)
			}
			if cmd.Args == nil || cmd.RunE == nil || cmd.Run != nil {
				t.Errorf("%s: Args set %t, RunE set %t, Run set %t; it needs the first two, and not the last", path, cmd.Args != nil, cmd.RunE != nil, cmd.Run != nil)
			}
		})
	}
}

// kubectlFlags are those that are written elsewhere.
func kubectlFlags() *pflag.FlagSet {
	cmd := &cobra.Command{}
	genericclioptions.NewConfigFlags(true).AddFlags(cmd.Flags())
	genericclioptions.NewPrintFlags("").AddFlags(cmd)
	cmdutil.AddDryRunFlag(cmd)
	return cmd.Flags()
}

var flagName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func TestFlags(t *testing.T) {
	theirs := kubectlFlags()
	for _, root := range trees() {
		walk(root, func(cmd *cobra.Command) {
			shorthands := map[string]string{}
			each := func(flag *pflag.Flag) {
				at := fmt.Sprintf("%s --%s", cmd.CommandPath(), flag.Name)
				if other, found := shorthands[flag.Shorthand]; found && flag.Shorthand != "" {
					t.Errorf("%s has the shorthand -%s of --%s", at, flag.Shorthand, other)
				}
				shorthands[flag.Shorthand] = flag.Name
				// The text of --output is ours.
				if theirs.Lookup(flag.Name) != nil && flag.Name != "output" {
					return
				}
				if !flagName.MatchString(flag.Name) {
					t.Errorf("%s is not in lower case with dashes", at)
				}
				if usage := flag.Usage; !strings.HasSuffix(usage, ".") || strings.ToUpper(usage[:1]) != usage[:1] {
					t.Errorf("%s: %q is no sentence with a full stop", at, usage)
				}
			}
			cmd.NonInheritedFlags().VisitAll(each)
			cmd.InheritedFlags().VisitAll(each)
		})
	}
}

// Every line of the examples is one that the program takes: a command that
// there is, flags that it has, and as many arguments as it wants.
func TestExamples(t *testing.T) {
	for program := range trees() {
		walk(trees()[program], func(cmd *cobra.Command) {
			lines := exampleLines(cmd.Example)
			if len(lines) == 0 {
				t.Errorf("%s has no example", cmd.CommandPath())
			}
			for _, line := range lines {
				if err := tryExample(program, line); err != nil {
					t.Errorf("example of %s: %s: %v", cmd.CommandPath(), line, err)
				}
			}
		})
	}
}

func exampleLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// tryExample parses an example, and does not run it.
func tryExample(program, line string) error {
	if first, piped, found := strings.Cut(line, " | "); found && strings.HasPrefix(first, program) {
		line = first
	} else if found {
		line = piped
	}
	rest, found := strings.CutPrefix(line, program)
	if !found {
		return fmt.Errorf("it does not begin with %s", program)
	}
	words, err := shellWords(rest)
	if err != nil {
		return err
	}
	root := trees()[program]
	cmd, args, err := root.Find(words)
	if err != nil {
		return err
	}
	if cmd == root {
		return fmt.Errorf("it calls no command")
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// shellWords splits a line as far as examples need it: quotes, and a
// redirection that ends the command.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' && inWord:
			if word.String() == ">" {
				return words, nil
			}
			words = append(words, word.String())
			word.Reset()
			inWord = false
		case r != ' ':
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote that is not closed")
	}
	return words, nil
}

// A group that is called with what it does not know says so, and how to see
// what it knows; no command takes arguments without limit by mistake.
func TestUnknownCommand(t *testing.T) {
	for program := range trees() {
		root := trees()[program]
		root.SilenceErrors, root.SilenceUsage = true, true
		root.SetArgs([]string{"no-such-command"})
		err := root.ExecuteContext(t.Context())
		if want := fmt.Sprintf("unknown command \"no-such-command\" for %q", program); err == nil || err.Error() != want {
			t.Errorf("%s no-such-command: %v; want %s", program, err, want)
		}
	}
}
