// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

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

func TestWorkloadSelector(t *testing.T) {
	selector := plan.WorkloadSelector("example-solution")
	for name, target := range targets() {
		for _, u := range workload(t, target) {
			if !selector.Matches(labels.Set(u.GetLabels())) {
				t.Errorf("%s: %s is not selected", name, titles([]*unstructured.Unstructured{u}))
			}
		}
	}
	const prefix = "app.kubernetes.io/"
	old := labels.Set{
		prefix + "part-of": "example-solution", prefix + "component": "ui", prefix + "instance": "example-solution-ui",
		prefix + "managed-by": "salt",
	}
	if !selector.Matches(old) {
		t.Error("what older tooling deployed is not selected")
	}
	for key, value := range map[string]string{
		"part-of": "example", "component": "database", "instance": "example-ui",
	} {
		other := labels.Merge(old, labels.Set{prefix + key: value})
		if selector.Matches(other) {
			t.Errorf("%s %s is selected", key, value)
		}
		delete(other, prefix+key)
		if selector.Matches(other) {
			t.Errorf("without %s, and selected", key)
		}
	}
	want := "app.kubernetes.io/component in (operator,ui)," +
		"app.kubernetes.io/instance in (example-solution-operator,example-solution-ui)," +
		"app.kubernetes.io/part-of in (example-solution)"
	if got := selector.String(); got != want {
		t.Errorf("selector %s, want %s", got, want)
	}
}

// A selector is sent to the server as text: there, none selects everything.
func TestWorkloadSelectorOfBadNames(t *testing.T) {
	for _, solution := range []string{"", "no label!", strings.Repeat("a", 80)} {
		text := plan.WorkloadSelector(solution).String()
		parsed, err := labels.Parse(text)
		if err != nil || parsed.Empty() {
			t.Errorf("%q: selector %q, %v", solution, text, err)
			continue
		}
		for _, set := range []labels.Set{{}, {"app.kubernetes.io/part-of": solution}, podLabels("ui", "")} {
			if parsed.Matches(set) {
				t.Errorf("%q: %s selects %v", solution, text, set)
			}
		}
	}
}

// A UI may have a name that leaves no room for that of an Operator.
func TestWorkloadSelectorOfLongName(t *testing.T) {
	name := strings.Repeat("a", 60)
	ui := labels.Set{
		"app.kubernetes.io/part-of": name, "app.kubernetes.io/component": "ui", "app.kubernetes.io/instance": name + "-ui",
	}
	if s := plan.WorkloadSelector(name); !s.Matches(ui) {
		t.Errorf("%s does not select the UI", s)
	}
}
