// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestRef(t *testing.T) {
	r := plan.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "n", Name: "d"}
	if got := r.String(); got != "deployment.apps/d" {
		t.Error(got)
	}
	if got := r.Describe(); got != "deployment.apps/d in namespace n" {
		t.Error(got)
	}
	if got := (plan.Ref{Version: "v1", Kind: "Namespace", Name: "n"}).Describe(); got != "namespace/n" {
		t.Error(got)
	}
	if got := plan.RefOf(r.Object()); got != r {
		t.Errorf("%+v", got)
	}
}

func TestScopeNames(t *testing.T) {
	for want, scope := range map[string]plan.Scope{
		"":                                {},
		"Solution storage":                {Solution: "storage"},
		"namespace n":                     {Namespace: "n"},
		"Solution storage in namespace n": {Solution: "storage", Namespace: "n"},
	} {
		if got := scope.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLive(t *testing.T) {
	objects := parseObjects(t, `
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: n}}
---
{apiVersion: networking.k8s.io/v1beta1, kind: Ingress, metadata: {name: i, namespace: n}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: m}}`)
	l := plan.NewLive(objects...)
	l.Add(objects...)
	if got := l.All(); len(got) != 2 || got[0] != objects[0] || got[1] != objects[2] {
		t.Errorf("%v", got)
	}
	// The version of the API is only a way to look at an object.
	if got := l.Get(plan.RefOf(objects[1])); got != objects[0] {
		t.Errorf("%v", got)
	}
	for _, r := range []plan.Ref{
		{Group: "extensions", Version: "v1", Kind: "Ingress", Namespace: "n", Name: "i"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass", Namespace: "n", Name: "i"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress", Namespace: "n", Name: "j"},
	} {
		if got := l.Get(r); got != nil {
			t.Errorf("%s: %v", r.Describe(), got)
		}
	}
}

func TestAddAndSort(t *testing.T) {
	change := func(name string, stage plan.Stage) plan.Change {
		return plan.Change{Action: plan.Create, Object: plan.Ref{Kind: "ConfigMap", Name: name}, Stage: stage}
	}
	p := &plan.Plan{Changes: []plan.Change{change("a", plan.StageWorkload), change("b", plan.StageRecord)}, Warnings: []string{"first"}}
	p.Add(&plan.Plan{
		Node: []plan.NodeChange{{Subject: "s", Action: "imported"}}, Changes: []plan.Change{change("c", plan.StageRecord), change("d", plan.StageNamespace)},
		Rights: []plan.RightsChange{{Solution: "s"}}, Definitions: []plan.DefinitionChange{{Name: "d", Action: plan.Create}}, Images: []plan.ImageTotal{{ID: "i"}},
		Destroys: []string{"data"}, Refusals: []plan.Refusal{{Message: "no"}}, Warnings: []string{"second"},
	})
	p.Sort()
	if diff := cmp.Diff(unindent(`
		node: imported s
		create configmap/d
		create configmap/b
		create configmap/c
		create configmap/a
		rights of s in : gains [], loses [], dangerous []
		definition d of : create [] -> [], 0 objects
		images of i: 0, 0 bytes
		destroys: data
		refused: no
		warning: first
		warning: second`), unindent(render(p))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestIsEmpty(t *testing.T) {
	for action, want := range map[plan.Action]bool{
		plan.Create: false, plan.Update: false, plan.Replace: false, plan.Delete: false, plan.Keep: true, plan.None: true,
	} {
		p := &plan.Plan{Changes: []plan.Change{{Action: plan.None}, {Action: action}}}
		if p.IsEmpty() != want || p.Changes[1].Writes() == want {
			t.Errorf("%s: empty %t, writes %t", action, p.IsEmpty(), p.Changes[1].Writes())
		}
	}
}

// A plan as JSON tells what people need, and not how it is carried out.
func TestPlanAsJSON(t *testing.T) {
	p := deploy(t, targets()["full"], live(t, "told"))
	p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return c.Object.Kind != "ConfigMap" || c.Action == plan.None })
	p.Changes[0].Manifest, p.Changes[0].Fields = nil, p.Changes[0].Fields[1:]
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"changes":[{"action":"update","object":{"version":"v1","kind":"ConfigMap","namespace":"staging-ns","name":"example-solution-operator-config"},` +
		`"scope":{"solution":"example-solution","namespace":"staging-ns"},"fields":[{"path":"metadata.annotations[solutions.metalk8s.scality.com/config-digest]",` +
		`"from":"0000000000000000","to":"5edeaeb79ad0b99a"}],"method":"apply","force":true}]}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
