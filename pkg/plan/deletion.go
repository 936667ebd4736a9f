// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// DeletionInput is what the deletion of a namespace of an Environment is planned
// from.
type DeletionInput struct {
	Namespace *unstructured.Unstructured
	// Solutions are those that the namespace records.
	Solutions []string
	// Live are as in NamespaceInput.
	Live *Live
	// CustomResources are those of imported Solutions in the namespace.
	CustomResources []*unstructured.Unstructured
	// Wait waits until the namespace is gone.
	Wait bool
}

// Deletion returns the plan that deletes a namespace: custom resources first,
// while their Operators are there to clean up, then what was deployed, then the
// namespace. What cannot be deleted keeps what comes after it.
func Deletion(in DeletionInput) *Plan {
	p := &Plan{}
	scope := Scope{Namespace: in.Namespace.GetName()}
	for _, u := range in.CustomResources {
		p.change(Change{Action: Delete, Object: RefOf(u), Scope: scope, Stage: StageRecord, Wait: WaitGone, Live: u})
	}
	for _, u := range in.Live.All() {
		owner := u.GetLabels()[v1alpha1.PartOfLabel]
		isOwn := u.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager
		if owner == "" || !isOwn && !slices.Contains(in.Solutions, owner) {
			continue // it goes with the namespace
		}
		p.remove(u, owner, scope, "")
	}
	last := Change{Action: Delete, Object: RefOf(in.Namespace), Scope: scope, Stage: StageCleanup + lastDeletion, Live: in.Namespace}
	if in.Wait {
		last.Wait = WaitGone
	}
	p.change(last)
	p.Sort()
	return p
}

// lastDeletion comes after every deletionRank.
const lastDeletion = 100
