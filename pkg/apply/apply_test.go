// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

const twoConfigMaps = `
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS}, data: {k: v}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: $NS}, data: {k: v}}`

func TestApply(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	step := func(what, want string, do func() (apply.ChangeSet, error)) {
		t.Helper()
		changes, err := do()
		if err != nil || f.lines(changes) != want {
			t.Errorf("%s: %s, %v; want %s", what, f.lines(changes), err, want)
		}
	}
	check := func() (apply.ChangeSet, error) { return f.applier.Check(t.Context(), objects) }
	do := func() (apply.ChangeSet, error) { return f.applier.Apply(t.Context(), objects) }
	step("check", "created configmap/a, created configmap/b", check)
	if f.exists(objects[0]) {
		t.Fatal("Check has created an object")
	}
	step("apply", "created configmap/a, created configmap/b", do)
	step("apply again", "unchanged configmap/a, unchanged configmap/b", do)
	if err := unstructured.SetNestedField(objects[1].Object, "w", "data", "k"); err != nil {
		t.Fatal(err)
	}
	step("check a change", "unchanged configmap/a, configured configmap/b", check)
	step("apply a change", "unchanged configmap/a, configured configmap/b", do)
	step("apply it again", "unchanged configmap/a, unchanged configmap/b", do)
	live, err := f.applier.Live(t.Context(), append(objects, f.objects("{apiVersion: v1, kind: ConfigMap, metadata: {name: none, namespace: $NS}}")...))
	if err != nil || len(live) != 2 || live[0].GetName() != "a" || live[1].Object["data"].(map[string]any)["k"] != "w" {
		t.Errorf("live: %v, %v", live, err)
	}
	deletion := func(dryRun bool) func() (apply.ChangeSet, error) {
		return func() (apply.ChangeSet, error) {
			return f.applier.Delete(t.Context(), objects, apply.DeleteOptions{DryRun: dryRun})
		}
	}
	step("check deletion", "deleted configmap/a, deleted configmap/b", deletion(true))
	step("delete", "deleted configmap/a, deleted configmap/b", deletion(false))
	step("delete again", "", deletion(false))
	// An object that was made here is not changed by applying it.
	if objects[0].GetResourceVersion() != "" || objects[0].GetManagedFields() != nil {
		t.Errorf("changed: %v", objects[0])
	}
}

func TestCreate(t *testing.T) {
	f := newFixture(t)
	o := f.objects(twoConfigMaps)[0]
	changes, err := f.applier.Create(t.Context(), o)
	if err != nil || f.lines(changes) != "created configmap/a" {
		t.Errorf("%s, %v", f.lines(changes), err)
	}
	changes, err = f.applier.Create(t.Context(), o)
	if !apierrors.IsAlreadyExists(err) || changes != nil || err.Error() != "configmap/a in namespace "+f.namespace+`: configmaps "a" already exists` {
		t.Errorf("%v, %v", changes, err)
	}
}

// What a server's dry run cannot know yet is no error: a namespace, and a role
// that is to be bound.
func TestCheckOfWhatNeedsAnother(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(`
{apiVersion: v1, kind: Namespace, metadata: {name: $NS-new}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS-new}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}`)
	changes, err := f.applier.Check(t.Context(), objects)
	want := "created namespace/$NS-new, created configmap/a in " + f.namespace + "-new, created role.rbac.authorization.k8s.io/r, created rolebinding.rbac.authorization.k8s.io/b"
	if err != nil || f.lines(changes) != want {
		t.Errorf("%s, %v; want %s", f.lines(changes), err, want)
	}
	for _, o := range objects {
		if f.exists(o) {
			t.Errorf("Check has made %s", apply.Describe(o))
		}
	}
	// A namespace that nobody is about to make is an error.
	_, err = f.applier.Check(t.Context(), objects[1:2])
	if err == nil || err.Error() != "configmap/a in namespace "+f.namespace+`-new: namespaces "`+f.namespace+`-new" not found` {
		t.Errorf("%v", err)
	}
}

func TestCheckTellsAllErrors(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: good, namespace: $NS}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: Bad, namespace: $NS}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: $NS}, spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: c, image: i}]}}}}
---
{apiVersion: none.example.com/v1, kind: None, metadata: {name: one, namespace: $NS}}`)
	changes, err := f.applier.Check(t.Context(), objects)
	if err == nil || f.lines(changes) != "created configmap/good" {
		t.Fatalf("%s, %v", f.lines(changes), err)
	}
	got := strings.Split(strings.ReplaceAll(err.Error(), f.namespace, "$NS"), "\n")
	for i, want := range []string{
		`configmap/Bad in namespace $NS: the API server refuses it: ConfigMap "Bad" is invalid: metadata.name: Invalid value: "Bad": a lowercase RFC 1123 subdomain`,
		"deployment.apps/d in namespace $NS: the API server refuses it: Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: `selector` does not match template `labels`",
		`none.none.example.com/one in namespace $NS: None/$NS/one dry-run failed: no matches for kind "None" in version "none.example.com/v1"`,
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("error %d of\n%s\nwant %s", i+1, err, want)
		}
	}
	if f.exists(objects[0]) {
		t.Error("Check has created an object")
	}
}

// stagedObjects are in an order that would not work.
const stagedObjects = `
{apiVersion: $NS.example.com/v1, kind: Disk, metadata: {name: d, namespace: $NS-late}, spec: {size: 1}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS-late}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS-late}, rules: []}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: disks.$NS.example.com}
spec:
  group: $NS.example.com
  scope: Namespaced
  names: {kind: Disk, plural: disks}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
{apiVersion: v1, kind: Namespace, metadata: {name: $NS-late}}`

func TestStages(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(stagedObjects)
	f.cleanUp(objects[4])
	f.cleanUp(objects[3])
	changes, err := f.applier.Apply(t.Context(), objects)
	late := " in " + f.namespace + "-late"
	want := "created customresourcedefinition.apiextensions.k8s.io/disks.$NS.example.com, created namespace/$NS-late, created role.rbac.authorization.k8s.io/r" + late +
		", created disk.$NS.example.com/d" + late + ", created rolebinding.rbac.authorization.k8s.io/b" + late
	if err != nil || f.lines(changes) != want {
		t.Fatalf("%s, %v\nwant %s", f.lines(changes), err, want)
	}
	if !f.exists(objects[0]) {
		t.Error("no custom resource")
	}
	changes, err = f.applier.Apply(t.Context(), objects)
	isChange := func(e apply.Entry) bool { return e.Action != apply.Unchanged }
	if err != nil || slices.ContainsFunc(changes, isChange) {
		t.Errorf("again: %s, %v", f.lines(changes), err)
	}
}

// Changes are told as far as they went.
func TestApplyStops(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(twoConfigMaps + "\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: $NS}, data: {'not a key': v}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: d, namespace: $NS}}")
	changes, err := f.applier.Apply(t.Context(), objects)
	if err == nil || !strings.HasPrefix(err.Error(), "configmap/c in namespace "+f.namespace+`: the API server refuses it: ConfigMap "c" is invalid: data[not a key]`) ||
		f.lines(changes) != "created configmap/a, created configmap/b" || f.exists(objects[3]) {
		t.Errorf("%s, %v", f.lines(changes), err)
	}
}

func TestConflict(t *testing.T) {
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)[:1]
	if _, err := f.applier.Apply(t.Context(), objects); err != nil {
		t.Fatal(err)
	}
	objects[0].SetResourceVersion("1")
	_, err := f.applier.Apply(t.Context(), objects)
	want := "configmap/a in namespace " + f.namespace + `: changed by someone else at the same time: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again`
	if err == nil || err.Error() != want || !apierrors.IsConflict(err) {
		t.Errorf("%v\nwant %s", err, want)
	}
}

const roles = `
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS}, rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list]}, {apiGroups: [apps], resources: [deployments], verbs: [watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}`

// Who may make roles may not grant what they have not.
func TestEscalation(t *testing.T) {
	f := newFixture(t)
	// Not "*", for that has the verbs escalate and bind in it.
	mayEdit := allow("rbac.authorization.k8s.io", "roles", "rolebindings")
	mayEdit.Verbs = []string{"get", "list", "create", "update", "patch", "delete"}
	limited := f.limited(mayEdit, allow("apps", "deployments"))
	objects := f.objects(roles)
	wants := []struct{ message, hint string }{
		{
			`role.rbac.authorization.k8s.io/r in namespace $NS: missing rights: to grant these rules you must hold them yourself: {APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}`,
			"have a cluster administrator run this command, or bind you to a role with these rules or with the verb `escalate` on roles",
		},
		{
			`rolebinding.rbac.authorization.k8s.io/b in namespace $NS: missing rights: to grant these rules you must hold them yourself: {APIGroups:["*"], Resources:["*"], Verbs:["*"]} {NonResourceURLs:["*"], Verbs:["*"]}`,
			"have a cluster administrator run this command, or bind you to a role with these rules or with the verb `bind` on the role that is bound",
		},
	}
	for i, want := range wants {
		_, checked := limited.Check(t.Context(), objects[i:i+1])
		_, applied := limited.Apply(t.Context(), objects[i:i+1])
		for what, err := range map[string]error{"check": checked, "apply": applied} {
			if err == nil || strings.ReplaceAll(err.Error(), f.namespace, "$NS") != want.message || hint.Of(err) != want.hint {
				t.Errorf("%s: %v, hint %s\nwant %s, hint %s", what, err, hint.Of(err), want.message, want.hint)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	f := newFixture(t)
	limited := f.limited(allow("", "secrets"))
	objects := f.objects(twoConfigMaps + "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: $NS-new}}")
	_, err := limited.Check(t.Context(), objects)
	const user = `User "limited" cannot `
	for _, want := range []string{
		`configmap/a in namespace $NS: missing rights: configmaps "a" is forbidden: ` + user + `patch resource "configmaps" in API group "" in the namespace "$NS"`,
		`configmap/b in namespace $NS: missing rights: configmaps "b" is forbidden: ` + user + `patch resource "configmaps" in API group "" in the namespace "$NS"`,
		`namespace/$NS-new: missing rights: namespaces "$NS-new" is forbidden: ` + user + `patch resource "namespaces" in API group "" in the namespace "$NS-new"`,
	} {
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), f.namespace, "$NS")+"\n", want+"\n") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if want := "kubectl auth can-i --list --namespace " + f.namespace + " shows what you may do"; hint.Of(err) != want {
		t.Errorf("hint %s, want %s", hint.Of(err), want)
	}
	_, err = limited.Delete(t.Context(), objects[:1], apply.DeleteOptions{})
	if want := "configmap/a in namespace " + f.namespace + `: missing rights: configmaps "a" is forbidden: ` + user + `delete resource "configmaps" in API group "" in the namespace "` + f.namespace + `"`; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if _, err = limited.Live(t.Context(), objects[:1]); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading configmap/a in namespace ") {
		t.Errorf("%v", err)
	}
}

func TestPlanned(t *testing.T) {
	f := &fixture{t: t, namespace: "ns"}
	objects := f.objects(stagedObjects)
	if got, want := f.lines(apply.Planned(objects[:2], apply.Applied)), "applied disk.$NS.example.com/d in ns-late, applied rolebinding.rbac.authorization.k8s.io/b in ns-late"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := apply.Planned(nil, apply.Deleted); got == nil || len(got) > 0 {
		t.Errorf("%v", got)
	}
	if got, want := apply.Describe(objects[4]), "namespace/ns-late"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
