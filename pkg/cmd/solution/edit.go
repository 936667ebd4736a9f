// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// editOptions are what the commands have in common that change the node's
// configuration, and then the cluster.
type editOptions struct {
	genericiooptions.IOStreams
	conn   *util.Connection
	dryRun cmdutil.DryRunStrategy
	yes    bool
	// repair says that the cluster is to match the node whatever that means:
	// it is what sync is for. Any other command is about what it names only.
	repair bool
	// damaged are archives that this command has found so.
	damaged []string
}

func (o *editOptions) addFlags(cmd *cobra.Command) {
	cmdutil.AddDryRunFlag(cmd)
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", o.yes, "Do not ask before anything is deleted that others may need.")
}

func (o *editOptions) complete(cmd *cobra.Command) (err error) {
	o.dryRun, err = cmdutil.GetDryRunStrategy(cmd)
	return err
}

// edit asks the helper for a change; with dryRun it only tells what it would
// be.
type edit func(ctx context.Context, node *client.Client, dryRun bool) (*protocol.ChangeResult, error)

// run makes an edit: it is tried, its consequences for the cluster are checked
// and, where it destroys something, confirmed; then node and cluster are
// changed.
func (o *editOptions) run(ctx context.Context, do edit) error {
	status := util.NewStatus(o.ErrOut)
	defer status.Clear()
	r, err := o.connect(ctx, status)
	if err != nil {
		return err
	}
	var t *trial
	err = r.retry(func() (err error) { t, err = o.try(ctx, r, do); return err })
	if err != nil {
		return err
	}
	if o.dryRun != cmdutil.DryRunNone {
		status.Clear()
		o.warnUnreadable(t.node.State)
		o.print(t.node.Items, t.changes)
		return nil
	}
	if err := o.confirm(ctx, r, t.cluster, t.node.Items); err != nil {
		return err
	}
	return o.commit(ctx, r, do)
}

// trial is what an edit would come to.
type trial struct {
	node    *protocol.ChangeResult
	cluster *change
	changes apply.ChangeSet // as the API server tells
}

// try finds out what an edit would come to, and whether it may be made.
func (o *editOptions) try(ctx context.Context, r *reconciler, do edit) (*trial, error) {
	catalog, err := r.readCatalog(ctx)
	if err != nil {
		return nil, util.ClusterError(err)
	}
	t := &trial{}
	if t.node, err = do(ctx, r.node, true); err != nil {
		return nil, err
	}
	if !o.repair {
		if err := r.checkUnknown(ctx, catalog, t.node); err != nil {
			return nil, err
		}
	}
	if t.cluster, err = r.compute(ctx, catalog, &t.node.State); err != nil {
		return nil, util.ClusterError(err)
	}
	if err := refuseUsed(t.cluster.environments, unimported(t.node)); err != nil {
		return nil, err
	}
	if o.dryRun != cmdutil.DryRunClient {
		if t.changes, err = r.check(ctx, t.cluster); err != nil {
			return nil, util.ClusterError(err)
		}
	}
	return t, nil
}

// unimported returns the ids of versions that a change takes away: the cluster
// may not know of them, where its record was lost.
func unimported(c *protocol.ChangeResult) []string {
	var ids []string
	for _, i := range c.Items {
		stays := slices.ContainsFunc(c.State.Archives, func(a protocol.ArchiveState) bool { return a.Content != nil && a.Content.ID == i.ID })
		if i.Action == protocol.Unimported && !stays {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// commit changes the node, and then the cluster.
func (o *editOptions) commit(ctx context.Context, r *reconciler, do edit) error {
	done, err := do(ctx, r.node, false)
	if err != nil {
		return err
	}
	r.status.Clear()
	o.warnUnreadable(done.State)
	o.print(done.Items, nil)
	changes, err := r.reconcile(ctx, o.damaged)
	r.status.Clear()
	o.print(nil, changes)
	if err != nil {
		return withSyncHint(fmt.Errorf("the bootstrap node is done, and the cluster is not yet: %w", util.ClusterError(err)))
	}
	return nil
}

func (o *editOptions) connect(ctx context.Context, status *util.Status) (*reconciler, error) {
	cl, err := o.conn.Cluster()
	if err != nil {
		return nil, err
	}
	node, err := o.conn.Bootstrap(ctx, cl, status)
	if err != nil {
		return nil, err
	}
	return &reconciler{cluster: cl, node: node.Client, status: status, record: node.Record, repair: o.repair}, nil
}

// warnUnreadable tells of what is wrong on the node, besides the edit.
func (o *editOptions) warnUnreadable(s protocol.NodeState) {
	for _, a := range s.Archives {
		if a.Content == nil {
			cli.Warn(o.ErrOut, "an imported archive cannot be read; what the cluster knows of it stays: %s", a.Error)
		}
	}
	for _, p := range s.Problems {
		cli.Warn(o.ErrOut, "%s", p)
	}
}

func (o *editOptions) print(items []protocol.ChangeItem, changes apply.ChangeSet) {
	suffix := util.DryRunSuffix(o.dryRun)
	for _, i := range items {
		for _, w := range i.Warnings {
			cli.Warn(o.ErrOut, "%s: %s", i.Subject, w)
		}
		fmt.Fprintln(o.Out, cli.Printable(fmt.Sprintf("%s %s%s", subject(i), i.Action, suffix)))
	}
	util.PrintChanges(o.Out, changes, suffix)
}

// subject names an archive by the id of what it holds, where that is known.
func subject(i protocol.ChangeItem) string {
	switch {
	case i.ID != "":
		return "solution/" + i.ID
	case strings.HasPrefix(i.Subject, "/"):
		return "archive " + i.Subject
	}
	return "solution/" + i.Subject
}

// confirm asks before anything is deleted that the command does not name, and
// before CustomResourceDefinitions are that have objects: Kubernetes deletes
// these with them.
func (o *editOptions) confirm(ctx context.Context, r *reconciler, c *change, items []protocol.ChangeItem) error {
	var consequences []string
	if !o.repair {
		consequences = c.unexpected(items)
	}
	for _, definition := range c.definitions {
		objects, err := customResources(ctx, r, definition)
		if err != nil {
			return err
		}
		if len(objects) > 0 {
			consequences = append(consequences, fmt.Sprintf("deleting CustomResourceDefinition %s deletes %s with all that stands behind: %s",
				definition.GetName(), util.Count(len(objects), "object"), util.Enumerate(objects, 5)))
		}
	}
	if len(consequences) == 0 {
		return nil
	}
	r.status.Clear()
	return util.Confirm(o.IOStreams, o.yes, strings.Join(consequences, "\n"))
}

// unexpected tells of what would be removed from the cluster though the
// command did not name it: because the configuration of the bootstrap node was
// lost or edited, or because it is not the node that the cluster knows.
func (c *change) unexpected(items []protocol.ChangeItem) []string {
	var lines []string
	// That a mount is undone is no word of the command's either.
	items = slices.DeleteFunc(slices.Clone(items), func(i protocol.ChangeItem) bool {
		return i.Action == protocol.Mounted || i.Action == protocol.Unmounted
	})
	for name, records := range c.catalog.Records {
		for _, record := range records {
			id := v1alpha1.ID(name, record.Version)
			named := slices.ContainsFunc(items, func(i protocol.ChangeItem) bool { return i.ID == id || i.Subject == record.Archive })
			if slices.Contains(c.removed, id) && !named {
				lines = append(lines, fmt.Sprintf("the bootstrap node does not list %s (%s) any more: the cluster would forget it", id, record.Archive))
			}
		}
	}
	for _, definition := range c.definitions {
		name := definition.GetLabels()[v1alpha1.PartOfLabel]
		named := slices.ContainsFunc(items, func(i protocol.ChangeItem) bool {
			return i.Subject == name || slices.Contains(c.active, name) && strings.HasPrefix(i.ID, name+"-")
		})
		if !named {
			lines = append(lines, fmt.Sprintf("the bootstrap node does not list Solution %s as active any more: CustomResourceDefinition %s would be deleted", name, definition.GetName()))
		}
	}
	slices.Sort(lines)
	return lines
}

func customResources(ctx context.Context, r *reconciler, definition *unstructured.Unstructured) ([]string, error) {
	kind, ok := cluster.ServedResource(definition)
	if !ok {
		return nil, nil
	}
	items, err := r.cluster.CustomResources(ctx, kind, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range items {
		name := items[i].Name
		if ns := items[i].Namespace; ns != "" {
			name = ns + "/" + name
		}
		names = append(names, name)
	}
	return names, nil
}

// archivePaths makes paths absolute where the bootstrap node is this machine;
// elsewhere the user has to say where the file is.
func archivePaths(node *client.Client, paths []string) ([]string, error) {
	var absolute []string
	for _, path := range paths {
		if path == "" {
			return nil, errors.New("the path of an archive is empty")
		}
		if remote.IsLocal(node.Runner) {
			var err error
			if path, err = filepath.Abs(path); err != nil {
				return nil, fmt.Errorf("archive %s: %w", path, err)
			}
		}
		absolute = append(absolute, path)
	}
	return absolute, nil
}
