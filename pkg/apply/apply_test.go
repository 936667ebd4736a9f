// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

const twoConfigMaps = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS}, data: {k: v}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: $NS}, data: {k: v}}`

// refusals writes what is refused: "<object>: <message> | <remedy>".
func (f *fixture) refusals(p *plan.Plan) []string {
	var lines []string
	for _, r := range p.Refusals {
		line := f.text(r.Message)
		if r.Remedy != "" {
			line += " | " + f.text(r.Remedy)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	f.make(objects[0])
	changes := append(f.changed(with(objects[0], "w", "data", "k")), created(objects[1])...)
	changes = append(changes, f.deleted(objects[0])...)
	replace := f.changed(objects[0])[0]
	replace.Action = plan.Replace
	p := f.check(f.applier, true, append(changes, replace)...)
	if got := f.lines(p.Changes); got != "update configmap/a, create configmap/b, delete configmap/a, replace configmap/a" || len(p.Refusals) > 0 {
		t.Errorf("%s, refused %q", got, f.refusals(p))
	}
	if f.exists(objects[1]) || f.live(objects[0]).Object["data"].(map[string]any)["k"] != "v" {
		t.Error("something has changed")
	}
}

func with(u *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	u = u.DeepCopy()
	if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
		panic(err)
	}
	return u
}

// A change that the server knows to change nothing is none.
func TestCheckSettles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	f.make(objects...)
	same, other := f.changed(objects[0])[0], f.changed(with(objects[1], "w", "data", "k"))[0]
	same.Wait = plan.WaitServed
	p := f.check(f.applier, false, same, other)
	if got := f.lines(p.Changes); got != "none configmap/a, update configmap/b" {
		t.Error(got)
	}
	if c := p.Changes[0]; len(c.Fields) > 0 || c.Wait != plan.WaitNothing {
		t.Errorf("%+v", c)
	}
	// What is unset first is a change, whatever applying alone would do.
	same = f.changed(objects[0])[0]
	same.Unset = [][]string{{"data", "k"}}
	if p = f.check(f.applier, false, same); f.lines(p.Changes) != "update configmap/a" {
		t.Error(f.lines(p.Changes))
	}
}

func TestCheckRefusesByObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: good, namespace: $NS}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: Bad, namespace: $NS}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: $NS}, spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: c, image: i}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS-none}}`)
	changes := created(objects...)
	for i := range changes {
		changes[i].Scope = plan.Scope{Solution: changes[i].Object.Name}
	}
	p := f.check(f.applier, false, changes...)
	want := []string{
		`configmap/Bad in namespace $NS: the API server refuses it: ConfigMap "Bad" is invalid: metadata.name: Invalid value: "Bad": a lowercase RFC 1123 subdomain`,
		"deployment.apps/d in namespace $NS: the API server refuses it: Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: `selector` does not match template `labels`",
		`configmap/a in namespace $NS-none: namespaces "$NS-none" not found`,
	}
	got := f.refusals(p)
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("%q\nwant %s", got, want[i])
		}
		if r := p.Refusals[i]; r.Object != plan.RefOf(objects[i+1]) || r.Scope.Solution != r.Object.Name {
			t.Errorf("%s is refused for %s", r.Object, r.Scope)
		}
	}
	if len(got) != 3 || f.lines(p.WithoutRefused().Changes) != "create configmap/good" {
		t.Errorf("%q", got)
	}
}

// A kind that the server does not know is no answer of the server.
func TestCheckOfUnknownKinds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := &plan.Plan{Changes: created(f.objects(`{apiVersion: none.example.com/v1, kind: None, metadata: {name: one, namespace: $NS}}`)...)}
	err := f.applier.Check(t.Context(), p, false)
	if err == nil || !strings.HasPrefix(f.text(err), `none.none.example.com/one in namespace $NS: no matches for kind "None" in version "none.example.com/v1"`) {
		t.Errorf("%v", err)
	}
}

// Scopes that are refused already are not tried.
func TestCheckLeavesOutWhatIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	changes := created(f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: Bad, namespace: $NS}}`)...)
	p := &plan.Plan{Changes: changes, Refusals: []plan.Refusal{{Scope: changes[0].Scope, Message: "no"}}}
	if err := f.applier.Check(t.Context(), p, false); err != nil || len(p.Refusals) != 1 {
		t.Errorf("%v, %q", err, f.refusals(p))
	}
}

// What a server's dry run cannot know yet is not refused: what is in a namespace
// that is to be created, and a role that is to be bound.
func TestCheckOfWhatNeedsAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.check(f.applier, false, created(f.objects(`
{apiVersion: v1, kind: Namespace, metadata: {name: $NS-new}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS-new}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}`)...)...)
	if got := f.refusals(p); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// Patches are tried only where the whole plan is: what they change was read a
// moment ago.
func TestCheckOfPatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: none, namespace: $NS}, data: {k: w}}`)[0]
	c := plan.Change{Action: plan.Update, Object: plan.RefOf(o), Method: plan.Patch, Manifest: o, Live: o, Scope: plan.Scope{Solution: "s"}}
	if got := f.refusals(f.check(f.applier, false, c)); len(got) > 0 {
		t.Errorf("%q", got)
	}
	want := []string{`configmap/none in namespace $NS: configmaps "none" not found`}
	if diff := cmp.Diff(want, f.refusals(f.check(f.applier, true, c))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Who writes a whole object must be told at once that someone else has written.
func TestCheckOfAStalePut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(twoConfigMaps)[0]
	put := plan.Change{Action: plan.Create, Object: plan.RefOf(o), Method: plan.Put, Manifest: o}
	f.make(o)
	err := f.applier.Check(t.Context(), &plan.Plan{Changes: []plan.Change{put}}, false)
	if !apply.IsConflict(err) || f.text(err) != `configmap/a in namespace $NS: configmaps "a" already exists` {
		t.Errorf("created meanwhile: %v", err)
	}
	put.Action, put.Live = plan.Update, f.live(o)
	put.Manifest = with(put.Live, "w", "data", "k")
	if got := f.refusals(f.check(f.applier, false, put)); len(got) > 0 {
		t.Errorf("%q", got)
	}
	f.patch(o, `{"data":{"k":"x"}}`)
	err = f.applier.Check(t.Context(), &plan.Plan{Changes: []plan.Change{put}}, false)
	if !apply.IsConflict(err) || !apierrors.IsConflict(err) || !strings.HasPrefix(f.text(err), "configmap/a in namespace $NS: changed by someone else at the same time: ") {
		t.Errorf("changed meanwhile: %v", err)
	}
}

// A field of someone else is refused, and overwritten only with force.
func TestFieldsOfOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(twoConfigMaps)[0]
	f.make(o)
	f.patch(o, `{"data":{"k":"theirs"}}`)
	change := f.changed(o)[0]
	p := f.check(f.applier, false, change)
	if got := f.refusals(p); len(got) != 1 || !strings.HasPrefix(got[0], `configmap/a in namespace $NS: changed by someone else at the same time: Apply failed with 1 conflict: conflict with "kubectl-edit"`) {
		t.Errorf("%q", got)
	}
	change.Force = true
	if got := f.refusals(f.check(f.applier, false, change)); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if _, err := f.applier.Execute(t.Context(), &plan.Plan{Changes: []plan.Change{change}}, apply.ExecuteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := f.live(o).Object["data"].(map[string]any)["k"]; got != "v" {
		t.Errorf("%v", got)
	}
}

const roles = `
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS}, rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}, {apiGroups: [apps], resources: [deployments], verbs: [watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}`

// Who may make roles may not grant what they have not.
func TestEscalation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// Not "*", for that has the verbs escalate and bind in it.
	mayEdit := allow("rbac.authorization.k8s.io", "roles", "rolebindings")
	mayEdit.Verbs = []string{"get", "list", "create", "update", "patch", "delete"}
	limited := f.limited(mayEdit, allow("apps", "deployments"))
	const before, after = "missing rights: to grant these rules you must hold them yourself: ",
		" | have a cluster administrator run this command, or bind you to ClusterRole solutions:deployer in the namespace (docs/rights.md)"
	want := []string{
		`role.rbac.authorization.k8s.io/r in namespace $NS: ` + before + `{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}` + after,
		`rolebinding.rbac.authorization.k8s.io/b in namespace $NS: ` + before + `{APIGroups:["*"], Resources:["*"], Verbs:["*"]} {NonResourceURLs:["*"], Verbs:["*"]}` + after,
	}
	changes := created(f.objects(roles)...)
	changes[1].Scope.Solution = "another"
	if diff := cmp.Diff(want, f.refusals(f.check(limited, false, changes...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	result, err := limited.Execute(t.Context(), &plan.Plan{Changes: changes}, apply.ExecuteOptions{})
	if err != nil || len(result.Failures) != 2 || len(result.Changes) > 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	for i, failure := range result.Failures {
		if message, _, _ := strings.Cut(want[i], " | "); f.text(failure.Err) != message {
			t.Errorf("%v\nwant %s", failure.Err, message)
		}
	}
}

func TestForbidden(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	limited := f.limited(allow("", "secrets"))
	objects := f.objects(twoConfigMaps + "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: $NS-new}}")
	changes := append(created(objects...), plan.Change{Action: plan.Delete, Object: plan.RefOf(objects[0]), Live: objects[0], Scope: plan.Scope{Solution: "s"}})
	const user = `User "limited" cannot `
	const hint = " | kubectl auth can-i --list --namespace $NS shows what you may do"
	want := []string{
		`configmap/a in namespace $NS: missing rights: configmaps "a" is forbidden: ` + user + `patch resource "configmaps" in API group "" in the namespace "$NS"` + hint,
		`configmap/b in namespace $NS: missing rights: configmaps "b" is forbidden: ` + user + `patch resource "configmaps" in API group "" in the namespace "$NS"` + hint,
		`namespace/$NS-new: missing rights: namespaces "$NS-new" is forbidden: ` + user + `patch resource "namespaces" in API group "" in the namespace "$NS-new" | kubectl auth can-i --list shows what you may do`,
		`configmap/a in namespace $NS: missing rights: configmaps "a" is forbidden: ` + user + `delete resource "configmaps" in API group "" in the namespace "$NS"` + hint,
	}
	if diff := cmp.Diff(want, f.refusals(f.check(limited, false, changes...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
