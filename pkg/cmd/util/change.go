// SPDX-License-Identifier: Apache-2.0

package util

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

// ChangeFlags are those of every command that changes something.
type ChangeFlags struct {
	genericiooptions.IOStreams
	// Options is complete after Complete.
	action.Options
	strategy cmdutil.DryRunStrategy
	yes      bool
	output   string
	verbose  int
	adopt    []string
}

// NewChangeFlags returns the flags with their defaults.
func NewChangeFlags(streams genericiooptions.IOStreams) *ChangeFlags {
	return &ChangeFlags{IOStreams: streams}
}

// AddFlags adds those that every command has.
func (f *ChangeFlags) AddFlags(cmd *cobra.Command) {
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "Print the plan, and what came of it, as json or yaml.")
	cmd.Flags().IntVarP(&f.verbose, "v", "v", 0, "With 1, show which fields change, and what does not change.")
	MustCompleteFlag(cmd, "output", cobra.FixedCompletions([]cobra.Completion{"json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

// AddConfirmFlag adds --yes.
func (f *ChangeFlags) AddConfirmFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", f.yes, "Skip the confirmation prompt.")
}

// AddAdoptFlag adds --adopt.
func (f *ChangeFlags) AddAdoptFlag(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.adopt, "adopt", nil, "Take over this object (KIND/NAME) from its owner. May be given several times.")
}

// AddWaitTimeoutFlag adds the bound of each wait for a definition or a deletion.
func (f *ChangeFlags) AddWaitTimeoutFlag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.Timeout, "timeout", apply.DefaultTimeout, "How long to wait for each definition to be served, or to be gone.")
}

// AddDefinitionFlags adds what accepts a change of a definition.
func (f *ChangeFlags) AddDefinitionFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.AcceptLoss, "accept-crd-loss", nil, "Change this CustomResourceDefinition although objects lose fields, or a version that an Environment needs is no longer served.")
	cmd.Flags().StringSliceVar(&f.AcceptRisk, "accept-crd-risk", nil, "Apply this CustomResourceDefinition although it sends objects out of the cluster for conversion, or is in an API group of Kubernetes.")
}

// Complete checks the flags, before anything is done.
func (f *ChangeFlags) Complete(cmd *cobra.Command) error {
	if f.output != "" && f.output != "json" && f.output != "yaml" {
		return cli.UsageError(cmd, "invalid output format %q: must be json or yaml", f.output)
	}
	if cmd.Flags().Lookup("timeout") != nil && f.Timeout < 0 {
		return cli.UsageError(cmd, "--timeout must not be negative")
	}
	for _, text := range f.adopt {
		target, err := plan.ParseAdoptTarget(text)
		if err != nil {
			return cli.UsageError(cmd, "--adopt: %w", err)
		}
		f.Adopt = append(f.Adopt, target)
	}
	var err error
	if f.strategy, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
		return err
	}
	switch f.strategy {
	case cmdutil.DryRunClient:
		f.DryRun = action.DryRunClient
	case cmdutil.DryRunServer:
		f.DryRun = action.DryRunServer
	}
	return nil
}

// IsData reports whether the result is printed as data.
func (f *ChangeFlags) IsData() bool { return f.output != "" }

// Suffix is what kubectl adds to a line about something that was not done.
func (f *ChangeFlags) Suffix() string { return DryRunSuffix(f.strategy) }

// Observer returns what tells of an operation on status, and asks at the
// terminal.
func (f *ChangeFlags) Observer(status *Status) action.Observer {
	return &observer{Status: status, flags: f}
}

type observer struct {
	*Status
	flags *ChangeFlags
}

func (o *observer) Confirm(_ context.Context, p *plan.Plan) error {
	o.Clear()
	return Confirm(o.flags.IOStreams, o.flags.yes, strings.Join(p.Destroys, "\n"))
}

// Print prints what an operation has planned or done, whether it succeeded or
// not.
func (f *ChangeFlags) Print(status *Status, r *action.Result) error {
	status.Clear()
	if r == nil {
		return nil
	}
	for _, text := range r.Warnings {
		cli.Warn(f.ErrOut, "%s", text)
	}
	node, changes := r.Node, r.Changes
	if f.DryRun != action.DryRunNone && r.Plan != nil {
		node, changes = r.Plan.Node, r.Plan.Changes
	}
	for _, n := range node {
		for _, text := range n.Warnings {
			cli.Warn(f.ErrOut, "%s: %s", n.Subject, text)
		}
	}
	if f.output != "" {
		return printData(f.Out, f.output, r)
	}
	out := &printable{f.Out}
	options := printers.PlanOptions{Suffix: f.Suffix(), Details: f.verbose > 0, Unchanged: f.verbose > 0}
	if f.DryRun == action.DryRunNone || r.Plan == nil {
		printers.Changes(out, node, changes, options)
		return nil
	}
	options.Details = true
	printers.Plan(out, r.Plan, options)
	return nil
}

// printable writes what is printed without what a terminal would act on.
type printable struct{ w io.Writer }

func (p *printable) Write(data []byte) (int, error) {
	_, err := io.WriteString(p.w, cli.Printable(string(data)))
	return len(data), err
}

func printData(w io.Writer, format string, r *action.Result) error {
	data, err := json.MarshalIndent(r, "", "    ")
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if format == "yaml" {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return fmt.Errorf("printing the result: %w", err)
		}
	} else {
		data = append(data, '\n')
	}
	_, err = w.Write(data)
	return err
}

// Finish prints the result of an operation, and returns its error with a hint
// of the connection.
func (f *ChangeFlags) Finish(status *Status, r *action.Result, err error) error {
	if printErr := f.Print(status, r); printErr != nil && err == nil {
		err = printErr
	}
	return ClusterError(err)
}

// DefaultTimeout bounds the waiting for what was deployed.
const DefaultTimeout = 5 * time.Minute
