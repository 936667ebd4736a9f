// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// definition reads "disks.example.com of storage: v1 v2, stored v1", where "of"
// and what follows ":" or "," may be missing.
func definition(text string) *unstructured.Unstructured {
	head, versions, _ := strings.Cut(text, ":")
	versions, stored, _ := strings.Cut(versions, ", stored")
	name, owner, owned := strings.Cut(head, " of ")
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}}
	u.SetName(name)
	if owned {
		u.SetLabels(map[string]string{v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: owner})
	}
	var list []any
	for _, v := range strings.Fields(versions) {
		list = append(list, map[string]any{"name": v})
	}
	u.Object["spec"] = map[string]any{"versions": list}
	if names := strings.Fields(stored); len(names) > 0 {
		u.Object["status"] = map[string]any{"storedVersions": anySlice(names)}
	}
	return u
}

func anySlice(texts []string) []any {
	var list []any
	for _, text := range texts {
		list = append(list, text)
	}
	return list
}

func definitions(texts ...string) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, text := range texts {
		list = append(list, definition(text))
	}
	return list
}

func names(objects []*unstructured.Unstructured) []string {
	var list []string
	for _, u := range objects {
		list = append(list, u.GetName())
	}
	return list
}

func TestCheckDefinition(t *testing.T) {
	for _, tt := range []struct{ live, desired, want string }{
		{"disks.x of storage: v1, stored v1", "disks.x of storage: v1", ""},
		{"disks.x of storage: v1, stored v1", "disks.x of storage: v1 v2", ""},
		{"disks.x of storage: v1 v2, stored v2", "disks.x of storage: v2", ""},
		{"disks.x of storage: v1", "disks.x of storage: v2", ""}, // no object was ever stored
		{"disks.x: v1, stored v1", "disks.x of storage: v1", ""}, // made by hand, or by older tooling
		{"disks.x of storage: v1", "disks.x of storage-2: v1", "CustomResourceDefinition disks.x belongs to Solution storage, and cannot be that of storage-2 too"},
		{
			"disks.x of storage: v1 v2, stored v1 v2", "disks.x of storage: v2",
			"CustomResourceDefinition disks.x: objects are stored in version v1, and the new definition has only v2: they could not be read any more",
		},
		{
			"disks.x of storage: v2, stored v2", "disks.x of storage: v1beta1 v1",
			"CustomResourceDefinition disks.x: objects are stored in version v2, and the new definition has only v1beta1, v1: they could not be read any more",
		},
		{
			"disks.x: v1 v2, stored v1 v2", "disks.x of storage: v3",
			"CustomResourceDefinition disks.x: objects are stored in version v1, v2, and the new definition has only v3: they could not be read any more",
		},
	} {
		got := ""
		if err := plan.CheckDefinition(definition(tt.live), definition(tt.desired)); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s -> %s:\ngot  %s\nwant %s", tt.live, tt.desired, got, tt.want)
		}
	}
	odd := definition("disks.x: v1")
	odd.Object["status"] = map[string]any{"storedVersions": "v1"}
	checkError(t, plan.CheckDefinition(odd, definition("disks.x: v1")), "CustomResourceDefinition disks.x: ", "storedVersions")
}

func TestObsoleteDefinitions(t *testing.T) {
	live := definitions("disks.x of storage", "volumes.x of storage", "sites.y of web")
	for _, tt := range []struct {
		desired    []string
		keep, want []string
	}{
		{desired: []string{"disks.x of storage", "volumes.x of storage", "sites.y of web"}},
		{desired: []string{"disks.x of storage", "sites.y of web", "new.z of other"}, want: []string{"volumes.x"}},
		{desired: nil, want: []string{"disks.x", "volumes.x", "sites.y"}},
		{desired: nil, keep: []string{"storage"}, want: []string{"sites.y"}},
		{desired: []string{"disks.x of storage"}, keep: []string{"web", "none"}, want: []string{"volumes.x"}},
	} {
		got := plan.ObsoleteDefinitions(live, definitions(tt.desired...), tt.keep)
		if diff := cmp.Diff(tt.want, names(got)); diff != "" {
			t.Errorf("desired %q, keep %q: -want +got:\n%s", tt.desired, tt.keep, diff)
		}
	}
}

func TestDefinitions(t *testing.T) {
	document := definition("disks.x: v1, stored v1").Object
	document["metadata"].(map[string]any)["labels"] = map[string]any{"own": "label", v1alpha1.PartOfLabel: "theirs"}
	document["metadata"].(map[string]any)["creationTimestamp"] = nil
	before := (&unstructured.Unstructured{Object: document}).DeepCopy()
	sample := map[string]any{"apiVersion": "x/v1", "kind": "Disk", "metadata": map[string]any{"name": "sample"}}
	got, err := plan.Definitions(content("1.0.0+b3"), []map[string]any{sample, document})
	if err != nil || len(got) != 1 {
		t.Fatal(names(got), err)
	}
	want := definition("disks.x: v1")
	want.SetLabels(map[string]string{
		"own": "label", v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: "example-solution", v1alpha1.VersionLabel: "1.0.0_b3",
	})
	if diff := cmp.Diff(want.Object, got[0].Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before.Object, document); diff != "" {
		t.Errorf("its argument has changed:\n%s", diff)
	}
	old := definition("disks.x: v1")
	old.SetAPIVersion("apiextensions.k8s.io/v1beta1")
	_, err = plan.Definitions(content("1.0.0"), []map[string]any{document, old.Object})
	want2 := "CustomResourceDefinition disks.x of example-solution-1.0.0 is apiextensions.k8s.io/v1beta1: Kubernetes 1.22 and later need apiextensions.k8s.io/v1"
	if err == nil || err.Error() != want2 {
		t.Errorf("%v; want %s", err, want2)
	}
}

// rule is one that grants verbs on a resource.
func rule(resource string, verbs ...string) map[string]any {
	return map[string]any{"apiGroups": []any{""}, "resources": []any{resource}, "verbs": anySlice(verbs)}
}

func rulesText(u *unstructured.Unstructured) []string {
	var lines []string
	list, _ := u.Object["rules"].([]any)
	for _, item := range list {
		r, _ := item.(map[string]any)
		lines = append(lines, strings.ReplaceAll(strings.Trim(fmt.Sprint(r["resources"], ": ", r["verbs"]), "[]"), "]: [", ": "))
	}
	return lines
}

// versionWith is a version whose ClusterRole "nodes" has these rules.
func versionWith(v string, rules ...map[string]any) *v1alpha1.Content {
	c := content(v)
	document := clusterRole("nodes")
	var list []any
	for _, r := range rules {
		list = append(list, r)
	}
	document["rules"] = list
	c.Roles = []map[string]any{role("nodes"), document}
	return c
}

func TestShareClusterRoles(t *testing.T) {
	v1 := versionWith("1.0.0", rule("nodes", "get"), rule("pods", "list"))
	v2 := versionWith("2.0.0", rule("nodes", "get"), rule("events", "create"))
	v3 := content("3.0.0")
	v3.Roles = nil
	own := []string{"nodes: get", "pods: list"}
	both := []string{"nodes: get", "events: create", "pods: list"}
	for name, tt := range map[string]struct {
		made     *v1alpha1.Content
		versions []*v1alpha1.Content
		want     []string
		label    string
	}{
		"one version":                     {v1, []*v1alpha1.Content{v1}, own, "1.0.0"},
		"two, made for the lower one":     {v1, []*v1alpha1.Content{v1, v2}, both, "2.0.0"},
		"two, made for the higher one":    {v2, []*v1alpha1.Content{v2, v1}, both, "2.0.0"},
		"and one that has no such role":   {v1, []*v1alpha1.Content{v3, v1, v2}, both, "2.0.0"},
		"only ones that have no such":     {v1, []*v1alpha1.Content{v3}, own, "1.0.0"},
		"no version (not to be expected)": {v1, nil, own, "1.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := workload(t, target(tt.made.Version, func(tg *plan.Target) { tg.Content = tt.made }))
			given := slices.Clone(tt.versions)
			plan.ShareClusterRoles(objects, tt.versions)
			found := 0
			for _, u := range objects {
				switch u.GetKind() {
				case "ClusterRole":
					found++
					if diff := cmp.Diff(tt.want, rulesText(u)); diff != "" || u.GetLabels()[v1alpha1.VersionLabel] != tt.label {
						t.Errorf("label %s, want %s; rules -want +got:\n%s", u.GetLabels()[v1alpha1.VersionLabel], tt.label, diff)
					}
				case "Role":
					if got := rulesText(u); !slices.Equal(got, []string{"pods: *"}) {
						t.Errorf("the Role of the same name now has %q", got)
					}
				}
			}
			if found != 1 || !slices.Equal(given, tt.versions) {
				t.Errorf("%d ClusterRoles, the argument unchanged: %t", found, slices.Equal(given, tt.versions))
			}
		})
	}
	if !slices.Equal(rulesText(&unstructured.Unstructured{Object: v1.Roles[1]}), own) {
		t.Error("the content has changed")
	}
}

func TestUnusedClusterRoles(t *testing.T) {
	roles := []*unstructured.Unstructured{{Object: clusterRole("nodes")}, {Object: clusterRole("events")}}
	// "RoleBinding a/b binds ClusterRole nodes"
	binding := func(text string) *unstructured.Unstructured {
		words := strings.Fields(text)
		namespace, name, _ := strings.Cut(words[1], "/")
		u := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": words[0],
			"roleRef": map[string]any{"kind": words[3], "name": words[4]},
		}}
		u.SetNamespace(namespace)
		u.SetName(name)
		return u
	}
	bindings := func(texts []string) []*unstructured.Unstructured {
		var list []*unstructured.Unstructured
		for _, text := range texts {
			list = append(list, binding(text))
		}
		return list
	}
	for name, tt := range map[string]struct{ bindings, removed, want []string }{
		"no binding at all":        {nil, nil, []string{"nodes", "events"}},
		"bound":                    {[]string{"RoleBinding a/x binds ClusterRole nodes"}, nil, []string{"events"}},
		"a Role of the same name":  {[]string{"RoleBinding a/x binds Role nodes"}, nil, []string{"nodes", "events"}},
		"by someone else":          {[]string{"ClusterRoleBinding /x binds ClusterRole events"}, nil, []string{"nodes"}},
		"whose binding goes":       {[]string{"RoleBinding a/x binds ClusterRole nodes"}, []string{"RoleBinding a/x binds ClusterRole nodes"}, []string{"nodes", "events"}},
		"one binding of two goes":  {[]string{"RoleBinding a/x binds ClusterRole nodes", "RoleBinding b/x binds ClusterRole nodes"}, []string{"RoleBinding a/x binds ClusterRole nodes"}, []string{"events"}},
		"one of another kind goes": {[]string{"ClusterRoleBinding /x binds ClusterRole nodes"}, []string{"RoleBinding /x binds ClusterRole nodes"}, []string{"events"}},
	} {
		got := plan.UnusedClusterRoles(roles, bindings(tt.bindings), bindings(tt.removed))
		if diff := cmp.Diff(tt.want, names(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}
