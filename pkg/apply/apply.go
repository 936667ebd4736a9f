// SPDX-License-Identifier: Apache-2.0

// Package apply makes a cluster match objects: server-side apply in stages,
// deletion, and waiting until what was applied is there. It knows objects, not
// what they are for.
package apply

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/pkg/ssa"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Applier applies objects with field manager v1alpha1.FieldManager.
type Applier struct {
	client  client.Client
	manager *ssa.ResourceManager
}

// New returns an Applier that acts with the rights of c.
func New(c client.Client) *Applier {
	owner := ssa.Owner{Field: v1alpha1.FieldManager, Group: v1alpha1.Group}
	return &Applier{client: c, manager: ssa.NewResourceManager(c, nil, owner)}
}

// Check asks the API server what Apply would do, object by object, and changes
// nothing. It returns all errors, not just the first: missing rights, objects
// that the server refuses.
func (a *Applier) Check(ctx context.Context, objects []*unstructured.Unstructured) (ChangeSet, error) {
	created := map[string]bool{} // namespaces that are among the objects
	for _, o := range objects {
		if o.GetKind() == "Namespace" {
			created[o.GetName()] = true
		}
	}
	var changes ChangeSet
	var failed []error
	for _, o := range objects {
		entry, _, _, err := a.manager.Diff(ctx, o.DeepCopy(), ssa.DefaultDiffOptions())
		switch {
		case err == nil:
			changes = append(changes, newEntry(o, actionOf(entry.Action)))
		case waitsForAnother(o, created, err):
			changes = append(changes, newEntry(o, Created))
		default:
			failed = append(failed, explain(o, err))
		}
	}
	return changes, errors.Join(failed...)
}

// waitsForAnother says that the server's dry run cannot know o yet, because it
// needs an object that comes into being before it: its namespace, or the role
// that a binding binds, which the server looks up to prevent escalation.
func waitsForAnother(o *unstructured.Unstructured, namespaces map[string]bool, err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	return namespaces[o.GetNamespace()] || o.GetKind() == "RoleBinding"
}

// Apply makes the cluster match objects, stage by stage: namespaces and CRDs,
// which are waited for; then what rights are made of; then the rest. The
// changes made until an error are returned with it.
func (a *Applier) Apply(ctx context.Context, objects []*unstructured.Unstructured) (ChangeSet, error) {
	var changes ChangeSet
	for _, stage := range stages(objects) {
		a.refreshKinds(stage)
		for _, o := range stage {
			entry, err := a.manager.Apply(ctx, o.DeepCopy(), ssa.ApplyOptions{})
			if err != nil {
				return changes, explain(o, err)
			}
			changes = append(changes, newEntry(o, actionOf(entry.Action)))
		}
		if err := a.waitForDefinitions(ctx, stage); err != nil {
			return changes, err
		}
	}
	return changes, nil
}

// refreshKinds has the server's kinds looked up anew where one of a stage is not
// known: a CRD of an earlier stage may define it.
func (a *Applier) refreshKinds(stage []*unstructured.Unstructured) {
	mapper := a.client.RESTMapper()
	for _, o := range stage {
		gvk := o.GroupVersionKind()
		if _, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version); meta.IsNoMatchError(err) {
			meta.MaybeResetRESTMapper(mapper)
			return
		}
	}
}

// stages sorts objects by what needs what; the order within one is kept.
func stages(objects []*unstructured.Unstructured) [][]*unstructured.Unstructured {
	var first, second, rest []*unstructured.Unstructured
	for _, o := range objects {
		switch o.GetKind() {
		case "Namespace", "CustomResourceDefinition":
			first = append(first, o)
		case "ServiceAccount", "Role", "ClusterRole":
			second = append(second, o)
		default:
			rest = append(rest, o)
		}
	}
	return [][]*unstructured.Unstructured{first, second, rest}
}

// DeleteOptions tell how to delete.
type DeleteOptions struct {
	// DryRun has the server check the deletion, and not do it.
	DryRun bool
}

// Delete deletes objects in their order, and returns those that were there.
// The changes made until an error are returned with it.
func (a *Applier) Delete(ctx context.Context, objects []*unstructured.Unstructured, opts DeleteOptions) (ChangeSet, error) {
	deletion := []client.DeleteOption{client.PropagationPolicy("Background")}
	if opts.DryRun {
		deletion = append(deletion, client.DryRunAll)
	}
	var changes ChangeSet
	for _, o := range objects {
		err := a.client.Delete(ctx, o.DeepCopy(), deletion...)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return changes, explain(o, err)
		}
		changes = append(changes, newEntry(o, Deleted))
	}
	return changes, nil
}

// Live returns those of objects that are in the cluster, as they are there.
func (a *Applier) Live(ctx context.Context, objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var live []*unstructured.Unstructured
	for _, o := range objects {
		got, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", Describe(o), err)
		}
		live = append(live, got)
	}
	return live, nil
}

// Create creates an object, which must not exist.
func (a *Applier) Create(ctx context.Context, o *unstructured.Unstructured) (ChangeSet, error) {
	if err := a.client.Create(ctx, o.DeepCopy(), client.FieldOwner(v1alpha1.FieldManager)); err != nil {
		return nil, explain(o, err)
	}
	return ChangeSet{newEntry(o, Created)}, nil
}
