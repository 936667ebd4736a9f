// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
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

// WorkloadSelector selects, by its labels, what Workload made for any version
// of a Solution, also where older tooling deployed it. For a name that is no
// label value it selects nothing, also in its written form.
func WorkloadSelector(solution string) labels.Selector {
	return labels.NewSelector().Add(slices.Concat(
		oneOf(v1alpha1.PartOfLabel, solution),
		oneOf(v1alpha1.ComponentLabel, componentOperator, componentUI),
		oneOf(v1alpha1.InstanceLabel, solution+"-"+componentOperator, solution+"-"+componentUI),
	)...)
}

// oneOf requires one of values, as far as they can be a label's: the name of
// a Solution with no Operator may be too long for one. With no value left it
// requires what cannot be, and not labels.Nothing, which is written as "" and
// so selects everything once it is sent to a server.
func oneOf(key string, values ...string) []labels.Requirement {
	values = slices.DeleteFunc(values, func(v string) bool { return len(validation.IsValidLabelValue(v)) > 0 })
	if len(values) > 0 {
		if r, err := labels.NewRequirement(key, selection.In, values); err == nil {
			return []labels.Requirement{*r}
		}
	}
	var none []labels.Requirement
	for _, operator := range []selection.Operator{selection.Exists, selection.DoesNotExist} {
		if r, err := labels.NewRequirement(key, operator, nil); err == nil {
			none = append(none, *r)
		}
	}
	return none
}
