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
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/provision"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

var uninstallHelp = templates.LongDesc(`
	Stop the registry on the bootstrap node that --bootstrap names, and remove its
	service and the helper. Nodes cannot pull from it any more.

	The archives stay, unmounted, and so does solutions.yaml, which lists them: once
	installed again, the registry serves what it did. The helper's configuration stays if it
	was changed, unless --purge is given.`)

var uninstallExamples = templates.Examples(`
	# See what would be removed
	kubectl solution bootstrap uninstall --bootstrap ssh://root@node-1 --dry-run=server

	kubectl solution bootstrap uninstall --bootstrap ssh://root@node-1`)

type uninstallOptions struct {
	genericiooptions.IOStreams
	conn       *util.Connection
	dryRun     cmdutil.DryRunStrategy
	purge, yes bool
}

func newUninstallCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &uninstallOptions{IOStreams: streams, conn: conn}
	cmd := &cobra.Command{
		Use:     "uninstall",
		Short:   "Remove the helper and its registry from the bootstrap node",
		Long:    uninstallHelp,
		Example: uninstallExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.dryRun, err = cmdutil.GetDryRunStrategy(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().BoolVar(&o.purge, "purge", o.purge, "Remove the helper's configuration even if it was changed.")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", o.yes, "Do not ask before it is removed.")
	return cmd
}

func (o *uninstallOptions) run(ctx context.Context) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	i, err := probe(ctx, o.conn, status)
	if err != nil {
		return err
	}
	if !i.Node.IsInstalled() {
		return o.nothing(status, i.Target.Shell, i.Node)
	}
	if o.dryRun == cmdutil.DryRunNone {
		text := o.consequence(ctx, i.Client, i.Target.Shell)
		status.Clear()
		if err := util.Confirm(o.IOStreams, o.yes, text); err != nil {
			return err
		}
	}
	return o.remove(ctx, status, i.Target)
}

// nothing says that there is nothing to remove.
func (o *uninstallOptions) nothing(status *util.Status, shell remote.Shell, node *provision.Node) error {
	if node.HasService {
		return hint.With(fmt.Errorf("bootstrap node (%s): there is a service, but no %s: it is of a program elsewhere", shell, remote.ProgramPath),
			"run there, as root: solution-bootstrap uninstall")
	}
	status.Note("nothing is installed on %s", shell)
	return nil
}

// consequence tells what the registry serves that is to be removed, as far as
// that is known.
func (o *uninstallOptions) consequence(ctx context.Context, client *client.Client, shell remote.Shell) string {
	text := fmt.Sprintf("The helper and its registry are removed from %s; nodes cannot pull from it any more.", shell)
	s, err := client.Status(ctx)
	if err != nil {
		return text + "\nWhat it serves is not known: " + err.Error()
	}
	var ids []string
	if s.State != nil {
		for _, a := range s.State.Archives {
			if a.Content != nil {
				ids = append(ids, a.Content.ID)
			}
		}
	}
	if len(ids) == 0 {
		return text + "\nNothing is imported there."
	}
	return text + fmt.Sprintf("\n%s imported there: %s", util.Count(len(ids), "version"), util.Enumerate(ids, 5))
}

func (o *uninstallOptions) remove(ctx context.Context, status *util.Status, target provision.Target) error {
	if o.dryRun == cmdutil.DryRunClient {
		printChange(o.IOStreams, provision.Change{Subject: remote.ProgramPath, Action: "removed"}, o.dryRun)
		return nil
	}
	dryRun := o.dryRun == cmdutil.DryRunServer
	changes, notes, err := target.Uninstall(ctx, o.purge, dryRun)
	status.Clear()
	for _, c := range changes {
		printChange(o.IOStreams, c, o.dryRun)
	}
	for _, note := range notes {
		fmt.Fprintln(o.ErrOut, cli.Printable(note))
	}
	if err != nil {
		return err
	}
	if !dryRun {
		status.Note("solutions.yaml and the archives stay where they are")
	}
	return nil
}
