// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// targetIn is a version of Solution storage with an object of every kind that is
// deployed.
func targetIn(namespace string) plan.Target {
	operator, ui := v1alpha1.ImageName{Name: "storage-operator", Tag: "1"}, v1alpha1.ImageName{Name: "storage-ui", Tag: "1"}
	role := func(kind string) map[string]any {
		return map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": "manager"},
			"rules": []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"get"}}},
		}
	}
	return plan.Target{
		Environment: "staging", Namespace: namespace, Endpoint: "registry:5000", Webhook: true,
		Content: &v1alpha1.Content{
			ID: "storage-1", Name: "storage", Version: "1", Operator: &operator, UI: &ui, UIDeploy: true,
			Roles: []map[string]any{role("Role"), role("ClusterRole")},
		},
		Versions: []plan.Version{{Version: "1", ID: "storage-1", Images: []string{"storage-operator:1"}}},
	}
}
