// SPDX-License-Identifier: Apache-2.0

// Package apply carries a plan out in a cluster: server-side apply in stages,
// deletion, and waiting until what was applied is there. It knows objects, not
// what they are for, and decides nothing.
package apply

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// parallel is how many requests are under way at once.
const parallel = 8

// Applier writes objects with field manager v1alpha1.FieldManager.
type Applier struct {
	client client.Client
	// raw asks for what has no kind that is known yet; nil where nothing needs it.
	raw rest.Interface
}

// New returns an Applier that acts with the rights of c. Raw reaches the same
// API server.
func New(c client.Client, raw rest.Interface) *Applier { return &Applier{client: c, raw: raw} }

// write does what a change says. With dryRun the server checks it, and does not
// do it. It returns the object as it is then, nil where it is deleted. Timeout
// bounds the wait for an object that is created again.
func (a *Applier) write(ctx context.Context, c *plan.Change, dryRun bool, timeout time.Duration) (*unstructured.Unstructured, error) {
	switch {
	case c.Action == plan.Delete:
		return nil, a.delete(ctx, c.Live, dryRun)
	case c.Action == plan.Replace:
		if err := a.delete(ctx, c.Live, dryRun); err != nil || dryRun {
			return nil, err
		}
		if err := a.waitGone(ctx, c.Live, timeout); err != nil {
			return nil, err
		}
	}
	if len(c.Unset) > 0 {
		if dryRun {
			return nil, a.tryUnset(ctx, c)
		}
		if err := a.unset(ctx, c); err != nil {
			return nil, err
		}
	}
	o := c.Manifest.DeepCopy()
	switch c.Method {
	case plan.Put:
		return o, a.put(ctx, o, dryRun)
	case plan.Patch:
		return o, a.patch(ctx, o, dryRun)
	}
	if err := a.apply(ctx, o, c.Force, dryRun); err != nil {
		return o, err
	}
	if o.GetDeletionTimestamp() != nil {
		return o, deletedMeanwhile(o)
	}
	return o, nil
}

// deletedMeanwhile returns the conflict with whoever deletes an object that is
// applied.
func deletedMeanwhile(o *unstructured.Unstructured) error {
	gvk := o.GroupVersionKind()
	resource := schema.GroupResource{Group: gvk.Group, Resource: strings.ToLower(gvk.Kind) + "s"}
	return apierrors.NewConflict(resource, o.GetName(), errors.New("someone else deletes it at the same time"))
}

func (a *Applier) apply(ctx context.Context, o *unstructured.Unstructured, force, dryRun bool) error {
	options := []client.ApplyOption{client.FieldOwner(v1alpha1.FieldManager)}
	if force {
		options = append(options, client.ForceOwnership)
	}
	if dryRun {
		options = append(options, client.DryRunAll)
	}
	return a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), options...)
}

func (a *Applier) put(ctx context.Context, o *unstructured.Unstructured, dryRun bool) error {
	create := []client.CreateOption{client.FieldOwner(v1alpha1.FieldManager)}
	update := []client.UpdateOption{client.FieldOwner(v1alpha1.FieldManager)}
	if dryRun {
		create, update = append(create, client.DryRunAll), append(update, client.DryRunAll)
	}
	if o.GetResourceVersion() == "" {
		return a.client.Create(ctx, o, create...)
	}
	return a.client.Update(ctx, o, update...)
}

// patch sends the fields of o as a JSON merge patch.
func (a *Applier) patch(ctx context.Context, o *unstructured.Unstructured, dryRun bool) error {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return err
	}
	options := []client.PatchOption{client.FieldOwner(v1alpha1.FieldManager)}
	if dryRun {
		options = append(options, client.DryRunAll)
	}
	return a.client.Patch(ctx, o, client.RawPatch(types.MergePatchType, data), options...)
}

func (a *Applier) unset(ctx context.Context, c *plan.Change) error {
	data, err := c.UnsetPatch()
	if err != nil {
		return err
	}
	o := c.Object.Object()
	return a.client.Patch(ctx, o, client.RawPatch(types.MergePatchType, data), client.FieldOwner(v1alpha1.FieldManager))
}

// tryUnset has the server try what a change comes to that removes fields first:
// two requests cannot be tried one after the other.
func (a *Applier) tryUnset(ctx context.Context, c *plan.Change) error {
	o := c.Live.DeepCopy()
	for key, value := range c.Manifest.Object {
		if key != "metadata" {
			o.Object[key] = value
		}
	}
	return a.put(ctx, o, true)
}

// delete deletes an object, if it is still the one that was read.
func (a *Applier) delete(ctx context.Context, live *unstructured.Unstructured, dryRun bool) error {
	options := []client.DeleteOption{client.PropagationPolicy("Background")}
	if dryRun {
		options = append(options, client.DryRunAll)
	}
	if uid := live.GetUID(); uid != "" {
		options = append(options, client.Preconditions{UID: &uid})
	}
	return client.IgnoreNotFound(a.client.Delete(ctx, plan.RefOf(live).Object(), options...))
}

// maxChecked is the size, in bytes of JSON, above which an object is not tried
// before it is written: the server takes as long for the one as for the other.
const maxChecked = 256 << 10

// Check has the server try a plan, without changing anything. What it refuses
// becomes a Refusal; what it says would change nothing is no change any more.
// Patches are tried only with all.
func (a *Applier) Check(ctx context.Context, p *plan.Plan, all bool) error {
	created := map[string]bool{} // namespaces that the plan creates
	for _, c := range p.Changes {
		if c.Object.Kind == "Namespace" && c.Action == plan.Create {
			created[c.Object.Name] = true
		}
	}
	refusals := make([]*plan.Refusal, len(p.Changes))
	err := each(ctx, len(p.Changes), func(ctx context.Context, i int) error {
		c := &p.Changes[i]
		if !c.Writes() || c.Method == plan.Patch && !all || created[c.Object.Namespace] || p.IsRefused(c.Scope) || isLarge(c) {
			return nil
		}
		after, err := a.write(ctx, c, true, 0)
		switch {
		case err == nil:
			settle(c, after)
			return nil
		case c.Method == plan.Put && IsConflict(err), !isStatus(err):
			return explain(c.Object, err)
		case apierrors.IsNotFound(err) && c.Object.Kind == "RoleBinding":
			return nil // its role is among the objects
		}
		refusals[i] = refusal(c, err)
		return nil
	})
	for _, r := range refusals {
		if r != nil {
			p.Refusals = append(p.Refusals, *r)
		}
	}
	return err
}

func isLarge(c *plan.Change) bool {
	if c.Object.Kind != "CustomResourceDefinition" || c.Manifest == nil {
		return false
	}
	data, err := json.Marshal(c.Manifest.Object)
	return err == nil && len(data) > maxChecked
}

// settle makes a change none where the server says that it would change nothing.
func settle(c *plan.Change, after *unstructured.Unstructured) {
	if c.Action != plan.Update || c.Method != plan.Apply || c.Live == nil || len(c.Unset) > 0 {
		return
	}
	if equality.Semantic.DeepEqual(comparable(c.Live), comparable(after)) {
		c.Action, c.Fields, c.Wait = plan.None, nil, plan.WaitNothing
	}
}

// comparable returns an object without what changes by writing alone.
func comparable(u *unstructured.Unstructured) map[string]any {
	u = u.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	delete(u.Object, "status")
	return u.Object
}

func isStatus(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// IsConflict reports whether an object was not written because someone else
// wrote, created or deleted it since it was read.
func IsConflict(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

func refusal(c *plan.Change, err error) *plan.Refusal {
	err = explain(c.Object, err)
	return &plan.Refusal{Scope: c.Scope, Object: c.Object, Message: err.Error(), Remedy: remedy(err)}
}

// get returns an object as it is now.
func (a *Applier) get(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(o.GroupVersionKind())
	return live, a.client.Get(ctx, client.ObjectKeyFromObject(o), live)
}

// describe names an object for a message: its kind, name and namespace.
func describe(o *unstructured.Unstructured) string { return plan.RefOf(o).Describe() }

func decodeList(data []byte, list any) error { return json.Unmarshal(data, list) }
