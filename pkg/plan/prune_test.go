// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

func TestPruneOrder(t *testing.T) {
	owned := workload(t, targets()["full"])
	slices.Reverse(owned)
	owned = append(owned, owned[3], object("example.com/v1", "Thing", "staging-ns", "x"))
	want := []string{
		"Thing staging-ns/x",
		"Ingress staging-ns/example-solution-ui",
		"Service staging-ns/example-solution-ui",
		"Deployment staging-ns/example-solution-operator",
		"Deployment staging-ns/example-solution-ui",
		"ConfigMap staging-ns/example-solution-operator-config",
		"ConfigMap staging-ns/example-solution-ui",
		"RoleBinding staging-ns/example-solution-operator-clusterrole-example-nodes",
		"RoleBinding staging-ns/example-solution-operator-role-example-role",
		"Role staging-ns/example-role",
		"ClusterRole /example-nodes",
		"ServiceAccount staging-ns/example-solution-operator",
	}
	if diff := cmp.Diff(want, titles(plan.Prune(owned, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPruneKeepsWhatIsDesired(t *testing.T) {
	full, operatorOnly := workload(t, targets()["full"]), workload(t, targets()["operator-only"])
	if got := titles(plan.Prune(full, full)); len(got) != 0 {
		t.Errorf("all is desired, and pruned is %q", got)
	}
	if got := titles(plan.Prune(operatorOnly, full)); len(got) != 0 {
		t.Errorf("more is desired, and pruned is %q", got)
	}
	want := []string{
		"Ingress staging-ns/example-solution-ui", "Service staging-ns/example-solution-ui",
		"Deployment staging-ns/example-solution-ui", "ConfigMap staging-ns/example-solution-ui",
	}
	if diff := cmp.Diff(want, titles(plan.Prune(full, operatorOnly))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPruneIdentity(t *testing.T) {
	desired := []*unstructured.Unstructured{object("networking.k8s.io/v1", "Ingress", "a", "x")}
	for name, c := range map[string]struct {
		owned  *unstructured.Unstructured
		pruned bool
	}{
		"another version":   {object("networking.k8s.io/v1beta1", "Ingress", "a", "x"), false},
		"another group":     {object("extensions/v1beta1", "Ingress", "a", "x"), true},
		"another kind":      {object("networking.k8s.io/v1", "IngressClass", "a", "x"), true},
		"another namespace": {object("networking.k8s.io/v1", "Ingress", "b", "x"), true},
		"another name":      {object("networking.k8s.io/v1", "Ingress", "a", "y"), true},
	} {
		if got := len(plan.Prune([]*unstructured.Unstructured{c.owned}, desired)) == 1; got != c.pruned {
			t.Errorf("%s: pruned is %v", name, got)
		}
	}
}

// An Operator deploys its UI with the labels that this project gives to UIs.
func TestPruneLeavesWhatHasAController(t *testing.T) {
	for controller, want := range map[bool]int{true: 0, false: 1} {
		u := object("apps/v1", "Deployment", "a", "example-solution-ui")
		u.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{
			"apiVersion": "example.com/v1", "kind": "Example", "name": "e", "uid": "1", "controller": controller,
		}}
		if got := plan.Prune([]*unstructured.Unstructured{u}, nil); len(got) != want {
			t.Errorf("controller %v: %q", controller, titles(got))
		}
	}
}
