// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxcd/pkg/ssa"
)

// Action is what happened to an object, or would.
type Action string

// Actions, in kubectl's words.
const (
	Created    Action = "created"
	Configured Action = "configured"
	Unchanged  Action = "unchanged"
	Deleted    Action = "deleted"
	// Applied is created, configured or unchanged: only the server knows which.
	Applied Action = "applied"
)

// Entry is the change of one object.
type Entry struct {
	// Object is <kind>.<group>/<name>, as kubectl prints it.
	Object string `json:"object"`
	// Namespace is "" for what has none.
	Namespace string `json:"namespace,omitempty"`
	Action    Action `json:"action"`
}

// ChangeSet is what happened to objects, in order.
type ChangeSet []Entry

// After returns what earlier changes and then c have come to: what c found
// unchanged, or does not name, is what became of it before.
func (c ChangeSet) After(earlier ChangeSet) ChangeSet {
	var all ChangeSet
	for _, e := range earlier {
		if e.Action != Unchanged && c.find(e) < 0 {
			all = append(all, e)
		}
	}
	for _, e := range c {
		if i := earlier.find(e); i >= 0 && e.Action == Unchanged {
			e.Action = earlier[i].Action
		}
		all = append(all, e)
	}
	return all
}

// find returns the index of the last entry about an entry's object, -1 for none.
func (c ChangeSet) find(e Entry) int {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].Object == e.Object && c[i].Namespace == e.Namespace {
			return i
		}
	}
	return -1
}

func newEntry(o *unstructured.Unstructured, action Action) Entry {
	return Entry{Object: objectName(o), Namespace: o.GetNamespace(), Action: action}
}

func actionOf(a ssa.Action) Action {
	switch a {
	case ssa.CreatedAction:
		return Created
	case ssa.ConfiguredAction:
		return Configured
	case ssa.DeletedAction:
		return Deleted
	default:
		return Unchanged
	}
}

// objectName returns <kind>.<group>/<name>.
func objectName(o *unstructured.Unstructured) string {
	gvk := o.GroupVersionKind()
	name := strings.ToLower(gvk.Kind)
	if gvk.Group != "" {
		name += "." + gvk.Group
	}
	return name + "/" + o.GetName()
}

// Describe names an object for a message: its kind, name and namespace.
func Describe(o *unstructured.Unstructured) string {
	if ns := o.GetNamespace(); ns != "" {
		return objectName(o) + " in namespace " + ns
	}
	return objectName(o)
}

// Planned is what is meant to happen to objects, without asking the server.
func Planned(objects []*unstructured.Unstructured, action Action) ChangeSet {
	changes := make(ChangeSet, 0, len(objects))
	for _, o := range objects {
		changes = append(changes, newEntry(o, action))
	}
	return changes
}
