// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/provision"
)

var installHelp = templates.LongDesc(`
	Install the helper, solution-bootstrap, on the bootstrap node that --bootstrap
	names, with its registry as a service of systemd, and see whether both answer.

	The program is that of --helper, else the one for the node's architecture beside
	this plugin, as a release has it, else the one on the PATH. It is sent to the
	node, compared by its digest, tried there, and only then takes its place,
	/usr/local/bin/solution-bootstrap. It then writes its units and configuration
	itself. Pulls under way go on. What is there already is left as it is: run it
	again after it was cut off.

	It takes root on the node: ssh as root, or sudo that asks nothing.`)

var installExamples = templates.Examples(`
	# On another machine
	kubectl solution bootstrap install --bootstrap ssh://root@node-1

	# On this one
	kubectl solution bootstrap install --bootstrap local+sudo

	# See what would be done
	kubectl solution bootstrap install --bootstrap ssh://root@node-1 --dry-run=server`)

var upgradeHelp = templates.LongDesc(`
	Replace the helper on the bootstrap node by the one of this release, and restart
	its service; connections to the registry are kept, and pulls under way end as
	they should.

	It is what install does, and refused where nothing is installed. If the new
	program does not answer, the old one is put back.`)

var upgradeExamples = templates.Examples(`
	kubectl solution bootstrap upgrade --bootstrap ssh://root@node-1

	# With a program of your own
	kubectl solution bootstrap upgrade --bootstrap ssh://root@node-1 --helper ./solution-bootstrap`)

// installOptions are those of install and upgrade.
type installOptions struct {
	genericiooptions.IOStreams
	conn    *util.Connection
	dryRun  cmdutil.DryRunStrategy
	helper  string
	upgrade bool
}

func newInstallCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &installOptions{IOStreams: streams, conn: conn}
	return o.command(&cobra.Command{
		Use:     "install",
		Short:   "Install the helper and its registry on the bootstrap node",
		Long:    installHelp,
		Example: installExamples,
	})
}

func newUpgradeCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &installOptions{IOStreams: streams, conn: conn, upgrade: true}
	return o.command(&cobra.Command{
		Use:     "upgrade",
		Short:   "Replace the helper on the bootstrap node by that of this release",
		Long:    upgradeHelp,
		Example: upgradeExamples,
	})
}

func (o *installOptions) command(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cli.Args(cobra.NoArgs)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
			return err
		}
		return o.run(cmd.Context())
	}
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().StringVar(&o.helper, "helper", o.helper, "The file of this machine that is the helper for the node.")
	return cmd
}

func (o *installOptions) run(ctx context.Context) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	i, err := o.gather(ctx, status)
	if err != nil {
		return err
	}
	if o.dryRun != cmdutil.DryRunNone {
		outcome, err := i.Plan(ctx, o.dryRun == cmdutil.DryRunServer)
		status.Clear()
		o.print(i, outcome)
		return err
	}
	outcome, err := i.Run(ctx)
	status.Clear()
	o.print(i, outcome)
	if err != nil {
		return err
	}
	return o.answers(i, outcome)
}

// gather finds out what has to be known before anything is changed.
func (o *installOptions) gather(ctx context.Context, status *util.Status) (*provision.Installation, error) {
	i, err := probe(ctx, o.conn, status)
	if err != nil {
		return nil, err
	}
	if o.upgrade && !i.Node.IsInstalled() {
		return nil, hint.With(fmt.Errorf("bootstrap node (%s): nothing is installed that could be upgraded", i.Target.Shell), "run: kubectl solution bootstrap install")
	}
	i.Program, err = provision.FindProgram(o.helper, i.Node.Machine)
	return i, err
}

// probe returns the node that the user names, where something can be installed
// and removed.
func probe(ctx context.Context, conn *util.Connection, status *util.Status) (*provision.Installation, error) {
	named, shell, err := conn.NamedBootstrap(ctx, status)
	if err != nil {
		return nil, err
	}
	i := &provision.Installation{Target: provision.Target{Shell: shell, Progress: status.Progress}, Client: named.Client}
	status.Step("looking at %s", shell)
	if i.Node, err = i.Target.Probe(ctx); err != nil {
		return nil, err
	}
	if err := i.Node.Check(); err != nil {
		return nil, fmt.Errorf("bootstrap node (%s): %w", shell, err)
	}
	return i, nil
}

// print tells what was changed.
func (o *installOptions) print(i *provision.Installation, outcome *provision.Outcome) {
	for _, c := range outcome.Changes {
		if c.Action == "updated" && i.Node.Version != "" && outcome.Version != "" && c == outcome.Changes[0] {
			c.Action += fmt.Sprintf(" from version %s to %s", i.Node.Version, outcome.Version)
		}
		printChange(o.IOStreams, c, o.dryRun)
	}
	for _, note := range outcome.Notes {
		fmt.Fprintln(o.ErrOut, cli.Printable(note))
	}
}

func printChange(streams genericiooptions.IOStreams, c provision.Change, dryRun cmdutil.DryRunStrategy) {
	fmt.Fprintln(streams.Out, cli.Printable(fmt.Sprintf("%s %s%s", c.Subject, c.Action, util.DryRunSuffix(dryRun))))
}

// answers tells how helper and registry answer, and fails where the registry
// should and does not.
func (o *installOptions) answers(i *provision.Installation, outcome *provision.Outcome) error {
	fmt.Fprintln(o.Out, cli.Printable(fmt.Sprintf("helper version %s answers", outcome.Status.Version)))
	for _, r := range outcome.Status.Registry {
		at := reached(r)
		fmt.Fprintln(o.Out, cli.Printable(fmt.Sprintf("registry %s %s", at.Listen, at)))
		if !at.Answers && i.Node.HasSystemd {
			return hint.With(fmt.Errorf("the helper is installed, and its registry does not answer at %s: %s", r.Listen, r.Error), adviseStart)
		}
	}
	return nil
}
