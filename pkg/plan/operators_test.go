// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// told has an Operator of storage in two Environments, and one of web, all of
// them told of what is imported.
func told(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.imports(solution("web", "1.0.0"), false)
	w.operators = []plan.Operator{
		{Environment: "e", Namespace: "e", Solution: "storage"}, {Environment: "f", Namespace: "f", Solution: "storage"}, {Environment: "e", Namespace: "e", Solution: "web"},
	}
	w.sync()
	return w
}

// operatorPlan leaves the changes of Operators.
func operatorPlan(p *plan.Plan) *plan.Plan {
	changes := slices.DeleteFunc(slices.Clone(p.Changes), func(c plan.Change) bool { return c.Scope.Namespace == "" })
	return &plan.Plan{Changes: changes}
}

func TestOperatorsAreToldOfVersions(t *testing.T) {
	w := told(t)
	w.imports(solution("storage", "2.0.0"), false)
	w.imports(solution("web", "2.0.0"), false)
	expect(t, operatorPlan(w.plan(w.input("storage"))), `
		update configmap/storage-operator-config @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update configmap/storage-operator-config @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update deployment.apps/storage-operator @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		update deployment.apps/storage-operator @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]`)
	if p := w.plan(w.input("other")); len(operatorPlan(p).Changes) > 0 {
		t.Errorf("about another Solution:\n%s", render(p))
	}
}

// Every Operator pulls from the registry.
func TestOperatorsAreToldOfAnotherEndpoint(t *testing.T) {
	w := told(t)
	w.endpoint = "other:5000"
	expect(t, operatorPlan(w.plan(w.input("storage"))), `
		update configmap/storage-operator-config @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update configmap/storage-operator-config @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update configmap/web-operator-config @web/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update deployment.apps/storage-operator @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		update deployment.apps/storage-operator @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		update deployment.apps/web-operator @web/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]`)
}

// One that was told, and did not restart, is restarted.
func TestOperatorThatWasToldByHalf(t *testing.T) {
	w := told(t)
	w.operators[0].Digest = "0123456789abcdef"
	w.operators[1].ConfigDigest = ""
	p := w.plan(w.input("storage"))
	expect(t, operatorPlan(p), `
		update configmap/storage-operator-config @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update deployment.apps/storage-operator @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		2 unchanged`)
	// What was read of them tells what changes; what is as it is to be is none.
	in := w.input("storage")
	var refs []string
	for _, r := range in.OperatorRefs() {
		refs = append(refs, r.Describe())
	}
	slices.Sort(refs)
	want := []string{"configmap/storage-operator-config in namespace f", "deployment.apps/storage-operator in namespace e"}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	deployment := parseObjects(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: storage-operator, namespace: e, annotations: {solutions.metalk8s.scality.com/config-digest: "0123456789abcdef"}},
  spec: {template: {metadata: {annotations: {solutions.metalk8s.scality.com/config-digest: "`+w.operators[0].ConfigDigest+`"}}}}}`)[0]
	in.OperatorObjects = plan.NewLive(deployment)
	p = operatorPlan(w.plan(in))
	expect(t, p, `
		update configmap/storage-operator-config @storage/f by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update deployment.apps/storage-operator @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		2 unchanged`)
	for _, c := range p.Changes {
		if c.Object.Kind == "Deployment" && c.Writes() && (c.Fields[0].From != "0123456789abcdef" || c.Live != deployment) {
			t.Errorf("from %v", c.Fields[0].From)
		}
	}
}

// What is written is what a whole preparation writes.
func TestOperatorsAreToldTheSame(t *testing.T) {
	w := newWorld(t)
	c := content("1.0.0")
	c.Manifest = map[string]any{"spec": map[string]any{"images": []any{"example-solution-ui:1.0.0", "example-solution-operator:1.0.0", "nginx:1.27"}}}
	w.imports(c, false)
	w.endpoint = "registry.example.com:5000"
	w.operators = []plan.Operator{{Environment: "staging", Namespace: "staging-ns", Solution: "example-solution"}}
	for _, c := range operatorPlan(w.plan(w.input())).Changes {
		prepared := unstructuredOf(t, workload(t, targets()["full"]), c.Object.Kind, c.Object.Name)
		got, want := c.Manifest.GetAnnotations(), prepared.GetAnnotations()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: annotations -prepared +told:\n%s", c.Object, diff)
		}
		for _, path := range [][]string{{"data"}, {"spec", "template", "metadata", "annotations"}} {
			a, _, _ := unstructured.NestedFieldNoCopy(prepared.Object, path...)
			b, _, _ := unstructured.NestedFieldNoCopy(c.Manifest.Object, path...)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("%s: %v -prepared +told:\n%s", c.Object, path, diff)
			}
		}
	}
}

// An Operator would refuse a configuration without an image.
func TestOperatorsAreNotToldOfNothing(t *testing.T) {
	for name, images := range map[string]any{"none": []any{}, "no images": []any{"no image"}, "no manifest": nil} {
		w := told(t)
		w.unimport("storage-1.0.0")
		c := solution("storage", "1.0.0")
		c.Manifest = map[string]any{"spec": map[string]any{"images": images}}
		w.imports(c, false)
		if p := operatorPlan(w.plan(w.input("storage"))); len(p.Changes) > 0 {
			t.Errorf("%s:\n%s", name, render(p))
		}
	}
	// Nor where all of its versions are gone.
	w := told(t)
	w.unimport("storage-1.0.0")
	if p := operatorPlan(w.plan(w.input("storage"))); len(p.Changes) > 0 {
		t.Error(render(p))
	}
}

// The record of older tooling has no endpoint: it counts as another one.
func TestOperatorsOfOlderTooling(t *testing.T) {
	w := told(t)
	catalog := w.object("ConfigMap", "metalk8s-solutions")
	catalog.SetAnnotations(map[string]string{v1alpha1.RegistryEndpointAnnotation: ""})
	w.operators[2].Digest = ""
	expect(t, operatorPlan(w.plan(w.input("storage"))), `
		update deployment.apps/web-operator @web/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		5 unchanged`)
}
