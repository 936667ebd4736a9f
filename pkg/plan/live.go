// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Live are objects as they are in the cluster. Plans are computed from what is
// wanted and Live; the two are different types so that one is never taken for
// the other.
type Live struct {
	objects []*unstructured.Unstructured
	byRef   map[Ref]*unstructured.Unstructured
}

// NewLive returns objects that the API server returned.
func NewLive(objects ...*unstructured.Unstructured) *Live {
	l := &Live{byRef: map[Ref]*unstructured.Unstructured{}}
	l.Add(objects...)
	return l
}

// Add adds objects; one that is known already is ignored.
func (l *Live) Add(objects ...*unstructured.Unstructured) {
	for _, o := range objects {
		key := RefOf(o).key()
		if _, known := l.byRef[key]; !known {
			l.byRef[key] = o
			l.objects = append(l.objects, o)
		}
	}
}

// Get returns an object, nil where it does not exist.
func (l *Live) Get(r Ref) *unstructured.Unstructured { return l.byRef[r.key()] }

// All returns the objects in the order in which they were added.
func (l *Live) All() []*unstructured.Unstructured { return l.objects }

// Wanted is an object as it is to be.
type Wanted struct {
	Object *unstructured.Unstructured
	Scope  Scope
	Stage  Stage
	Wait   Wait
	// Owner is the name of the Solution that the object is part of.
	Owner string
}
