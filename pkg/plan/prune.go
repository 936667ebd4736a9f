// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// identity tells objects apart. The version of the API is no part of it: it is
// only a way to look at an object.
type identity struct{ group, kind, namespace, name string }

func identityOf(u *unstructured.Unstructured) identity {
	gvk := u.GroupVersionKind()
	return identity{group: gvk.Group, kind: gvk.Kind, namespace: u.GetNamespace(), name: u.GetName()}
}

// Prune returns those of owned that desired does not hold any more (same
// group, kind, namespace and name), each once, in the order in which to delete
// them: first what is reached from outside, last what a running Operator needs
// in order to clean up. Kinds that Workload does not make come before all.
//
// ClusterRoles are shared: owned may hold some that other namespaces need, so
// desired must hold the Workload of every namespace of every Environment that
// the Solution is in, or owned no ClusterRole.
//
// An object with a controller is left out. Its controller deployed it (as
// Operators do that deploy their own UI, with the same labels), and would do
// so again.
func Prune(owned, desired []*unstructured.Unstructured) []*unstructured.Unstructured {
	keep := make(map[identity]bool, len(desired)+len(owned))
	for _, u := range desired {
		keep[identityOf(u)] = true
	}
	var pruned []*unstructured.Unstructured
	for _, u := range owned {
		if id := identityOf(u); !keep[id] && metav1.GetControllerOf(u) == nil {
			keep[id] = true
			pruned = append(pruned, u)
		}
	}
	slices.SortFunc(pruned, compareDeletion)
	return pruned
}

func compareDeletion(a, b *unstructured.Unstructured) int {
	ia, ib := identityOf(a), identityOf(b)
	return cmp.Or(
		cmp.Compare(deletionRank(ia), deletionRank(ib)),
		cmp.Compare(ia.group, ib.group),
		cmp.Compare(ia.kind, ib.kind),
		cmp.Compare(ia.namespace, ib.namespace),
		cmp.Compare(ia.name, ib.name),
	)
}

// deletionRank is -1 for a kind that Workload does not make.
func deletionRank(id identity) int {
	return slices.Index([]schema.GroupKind{
		{Group: "networking.k8s.io", Kind: "Ingress"},
		{Kind: "Service"},
		{Group: "apps", Kind: "Deployment"},
		{Kind: "ConfigMap"},
		{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"},
		{Group: "rbac.authorization.k8s.io", Kind: "Role"},
		{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"},
		{Kind: "ServiceAccount"},
	}, schema.GroupKind{Group: id.group, Kind: id.kind})
}
