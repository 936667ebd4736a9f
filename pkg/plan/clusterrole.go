// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ClusterRoleKind is the one kind of Workload that has no namespace.
var ClusterRoleKind = schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}

// UnusedClusterRoles returns those of roles that no binding refers to, once
// the bindings in removed are gone: a ClusterRole is shared by all
// Environments, and perhaps by bindings that someone else made.
func UnusedClusterRoles(roles, bindings, removed []*unstructured.Unstructured) []*unstructured.Unstructured {
	gone := map[identity]bool{}
	for _, u := range removed {
		gone[identityOf(u)] = true
	}
	used := map[string]bool{}
	for _, u := range bindings {
		kind, _, _ := unstructured.NestedString(u.Object, "roleRef", "kind")
		name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
		if kind == ClusterRoleKind.Kind && !gone[identityOf(u)] {
			used[name] = true
		}
	}
	var unused []*unstructured.Unstructured
	for _, u := range roles {
		if !used[u.GetName()] {
			unused = append(unused, u)
		}
	}
	return unused
}
