// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// reconciler makes the cluster match what is imported on the bootstrap node.
type reconciler struct {
	cluster *util.Cluster
	node    *client.Client
	status  *util.Status
	// record is the helper's address, to be recorded in the cluster.
	record string
	// repair says that what cannot be read in the cluster is written again;
	// noted is what was said of that.
	repair bool
	noted  []string
}

// readCatalog reads what the cluster records of imported versions.
func (r *reconciler) readCatalog(ctx context.Context) (*cluster.Catalog, error) {
	catalog, err := r.cluster.Catalog(ctx)
	if _, err := r.unreadable(err); err != nil {
		return nil, err
	}
	return catalog, nil
}

// unreadable returns the names of the ConfigMaps that an error is about, if they
// are to be written again.
func (r *reconciler) unreadable(err error) ([]string, error) {
	var unreadable *cluster.UnreadableError
	if !r.repair || !errors.As(err, &unreadable) {
		return nil, err
	}
	if text := err.Error(); !slices.Contains(r.noted, text) {
		r.noted = append(r.noted, text)
		r.status.Note("writing again what cannot be read: %s", text)
	}
	return unreadable.ConfigMaps, nil
}

// check asks the API server whether it would take all of c, and what would
// happen, without changing anything.
func (r *reconciler) check(ctx context.Context, c *change) (apply.ChangeSet, error) {
	replaced := map[*unstructured.Unstructured]bool{}
	for _, o := range c.replaced {
		replaced[o] = true
	}
	objects := slices.DeleteFunc(slices.Clone(c.objects), func(o *unstructured.Unstructured) bool { return replaced[o] })
	changes, err := r.cluster.Check(ctx, slices.Concat(objects, c.operators))
	deletions, deleteErr := r.cluster.Delete(ctx, slices.Concat(c.replaced, c.definitions, c.obsolete), apply.DeleteOptions{DryRun: true})
	writeErr := r.cluster.WriteCatalog(ctx, c.configMap, cluster.WriteOptions{DryRun: true})
	if apierrors.IsNotFound(writeErr) {
		writeErr = nil // the namespace is among the objects
	}
	if err := errors.Join(err, deleteErr, writeErr); err != nil {
		return nil, err
	}
	changes = append(changes, c.catalogEntry())
	return append(changes, deletions...), nil
}

// execute does what compute found. The changes made until an error are
// returned with it; done again, it goes on from there.
func (r *reconciler) execute(ctx context.Context, c *change) (apply.ChangeSet, error) {
	var done apply.ChangeSet
	steps := []func() (apply.ChangeSet, error){
		func() (apply.ChangeSet, error) { return nil, r.checkCurrent(ctx, c) },
		func() (apply.ChangeSet, error) { return r.cluster.Delete(ctx, c.replaced, apply.DeleteOptions{}) },
		func() (apply.ChangeSet, error) { return r.cluster.Apply(ctx, c.objects) },
		func() (apply.ChangeSet, error) { return nil, r.checkCurrent(ctx, c) },
		func() (apply.ChangeSet, error) { return r.deleteDefinitions(ctx, c.definitions) },
		func() (apply.ChangeSet, error) {
			entry := c.catalogEntry()
			options := cluster.WriteOptions{DryRun: entry.Action == apply.Unchanged}
			return apply.ChangeSet{entry}, r.cluster.WriteCatalog(ctx, c.configMap, options)
		},
		func() (apply.ChangeSet, error) { return r.cluster.Apply(ctx, c.operators) },
		func() (apply.ChangeSet, error) { return r.cluster.Delete(ctx, c.obsolete, apply.DeleteOptions{}) },
	}
	for _, step := range steps {
		changes, err := step()
		if err != nil {
			return done, err
		}
		done = append(done, changes...)
	}
	return done, nil
}

// checkCurrent returns a conflict where someone else has written the catalog
// since it was read: what seems to be in the way may be what they have made.
func (r *reconciler) checkCurrent(ctx context.Context, c *change) error {
	if c.catalog.ConfigMap == nil {
		return nil // its namespace may not be there yet; creating it tells too
	}
	return r.cluster.WriteCatalog(ctx, c.configMap, cluster.WriteOptions{DryRun: true})
}

// maxConflicts bounds how often others may write in between.
const maxConflicts = 10

// retry does something once more where someone else has written in between.
func (r *reconciler) retry(do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == maxConflicts || !cluster.IsConflict(err) {
			return err
		}
		r.status.Step("someone else changed the imported Solutions at the same time; reading them again")
	}
}

// reconcile makes the cluster match the node as it is now, where the given
// archives are known to be damaged.
func (r *reconciler) reconcile(ctx context.Context, damaged []string) (changes apply.ChangeSet, err error) {
	err = r.retry(func() error {
		catalog, err := r.readCatalog(ctx)
		if err != nil {
			return err
		}
		state, err := r.node.List(ctx, protocol.ListRequest{Damaged: damaged})
		if err != nil {
			return err
		}
		c, err := r.compute(ctx, catalog, state)
		if err != nil {
			return err
		}
		done, err := r.execute(ctx, c)
		changes = done.After(changes)
		return err
	})
	return changes, err
}
