// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestNamespaces(t *testing.T) {
	common := map[string]any{
		"app.kubernetes.io/managed-by": "kubectl-solution",
		"app.kubernetes.io/part-of":    "metalk8s",
	}
	for name, c := range map[string]struct {
		got  *unstructured.Unstructured
		want map[string]any
	}{
		"solutions": {plan.SolutionsNamespace(""), map[string]any{"name": "metalk8s-solutions", "labels": common}},
		"solutions with bootstrap": {plan.SolutionsNamespace("ssh://bootstrap"), map[string]any{
			"name": "metalk8s-solutions", "labels": common,
			"annotations": map[string]any{"solutions.metalk8s.scality.com/bootstrap": "ssh://bootstrap"},
		}},
		"environment": {plan.EnvironmentNamespace("Env.1", "env-1", "for tests"), map[string]any{
			"name":        "env-1",
			"labels":      map[string]any{"solutions.metalk8s.scality.com/environment": "Env.1"},
			"annotations": map[string]any{"solutions.metalk8s.scality.com/environment-description": "for tests"},
		}},
		"environment without description": {plan.EnvironmentNamespace("a", "a", ""), map[string]any{
			"name":        "a",
			"labels":      map[string]any{"solutions.metalk8s.scality.com/environment": "a"},
			"annotations": map[string]any{"solutions.metalk8s.scality.com/environment-description": ""},
		}},
	} {
		want := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": c.want}
		if diff := cmp.Diff(want, c.got.Object); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		typed(t, c.got)
	}
}
