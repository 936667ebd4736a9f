// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// solution returns a version of any Solution, with an Operator and these roles.
func solution(name, version string, roles ...map[string]any) *v1alpha1.Content {
	operator := v1alpha1.ImageName{Name: name + "-operator", Tag: version}
	return &v1alpha1.Content{
		ID: v1alpha1.ID(name, version), Name: name, Version: version, DisplayName: name,
		Manifest: map[string]any{"spec": map[string]any{"images": []any{operator.String()}}},
		Images:   []v1alpha1.Image{{ImageName: operator, Digest: digest("a"), Size: 10}},
		Operator: &operator, Roles: roles,
	}
}

// targetOf returns the Target that deploys a version into namespace staging-ns.
func targetOf(c *v1alpha1.Content) plan.Target {
	return plan.Target{
		Environment: "staging", Namespace: "staging-ns", Content: c, Endpoint: "registry.example.com:5000",
		Versions: []plan.Version{{Version: c.Version, ID: c.ID, Images: []string{c.Name + "-operator:" + c.Version}}},
	}
}

// stepwise plans these versions one after the other, each carried out. After each a
// second plan must be empty. It returns the plans.
func stepwise(t *testing.T, objects []*unstructured.Unstructured, steps ...[]*v1alpha1.Content) ([]*plan.Plan, []*unstructured.Unstructured) {
	t.Helper()
	var plans []*plan.Plan
	for i, contents := range steps {
		in := plan.NamespaceInput{Namespace: "staging-ns", Everything: true}
		for _, c := range contents {
			in.Targets = append(in.Targets, targetOf(c))
		}
		in.Live = plan.NewLive(objects...)
		p := plan.Namespace(in)
		checkPlan(t, p)
		plans = append(plans, p)
		objects = carriedOut(t, objects, p.WithoutRefused())
		in.Live = plan.NewLive(objects...)
		if again := plan.Namespace(in); !again.WithoutRefused().IsEmpty() {
			t.Errorf("step %d: a second plan is not empty:\n%s", i+1, render(again))
		}
	}
	return plans, objects
}

// bindingLines returns what RoleBindings bind: "name -> Kind name".
func bindingLines(objects []*unstructured.Unstructured) []string {
	var lines []string
	for _, u := range objects {
		if u.GetKind() == "RoleBinding" {
			kind, _, _ := unstructured.NestedString(u.Object, "roleRef", "kind")
			name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
			lines = append(lines, u.GetName()+" -> "+kind+" "+name)
		}
	}
	slices.Sort(lines)
	return lines
}

func roleNames(objects []*unstructured.Unstructured) []string {
	var list []string
	for _, u := range objects {
		if u.GetKind() == "Role" {
			list = append(list, u.GetName())
		}
	}
	slices.Sort(list)
	return list
}

// Scaffolded Operators call their roles the same.
func TestTwoSolutionsWithRolesOfTheSameName(t *testing.T) {
	storage := solution("storage", "1", role("manager-role"), clusterRole("manager-role"))
	web := solution("web", "1", role("manager-role"), clusterRole("manager-role"))
	plans, objects := stepwise(t, nil, []*v1alpha1.Content{storage, web}, []*v1alpha1.Content{web, storage})
	wantWarning := []string{"Role manager-role of Solution web is deployed as web:manager-role in namespace staging-ns: the name is taken"}
	if diff := cmp.Diff(wantWarning, plans[0].Warnings); diff != "" {
		t.Errorf("warnings -want +got:\n%s", diff)
	}
	want := []string{
		"storage-operator-clusterrole-manager-role -> ClusterRole storage:1:manager-role", "storage-operator-role-manager-role -> Role manager-role",
		"web-operator-clusterrole-manager-role -> ClusterRole web:1:manager-role", "web-operator-role-manager-role -> Role web:manager-role",
	}
	if diff := cmp.Diff(want, bindingLines(objects)); diff != "" {
		t.Errorf("bindings -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"manager-role", "web:manager-role"}, roleNames(objects)); diff != "" {
		t.Errorf("roles -want +got:\n%s", diff)
	}
}

// Once the name is free, the Role gets it, and its binding with it.
func TestRoleNameThatBecomesFree(t *testing.T) {
	storage, web := solution("storage", "1", role("manager-role")), solution("web", "1", role("manager-role"))
	_, objects := stepwise(t, nil, []*v1alpha1.Content{storage, web})
	_, objects = stepwise(t, slices.DeleteFunc(objects, func(u *unstructured.Unstructured) bool {
		return u.GetLabels()["app.kubernetes.io/part-of"] == "storage"
	}), []*v1alpha1.Content{web})
	if diff := cmp.Diff([]string{"manager-role"}, roleNames(objects)); diff != "" {
		t.Errorf("roles -want +got:\n%s", diff)
	}
	if got := bindingLines(objects); len(got) != 1 || !strings.HasSuffix(got[0], " -> Role manager-role") {
		t.Errorf("bindings %q", got)
	}
}

// What a binding refers to is immutable, and is another ClusterRole for each
// version.
func TestUpgradesBindTheirOwnClusterRole(t *testing.T) {
	versions := func(v string) []*v1alpha1.Content {
		return []*v1alpha1.Content{solution("storage", v, clusterRole("manager"), role("manager"))}
	}
	var objects []*unstructured.Unstructured
	plainName := "storage-operator-clusterrole-manager"
	for i, v := range []string{"1", "2", "3", "2", "1"} {
		_, objects = stepwise(t, objects, versions(v))
		lines := bindingLines(objects)
		if len(lines) != 2 || !strings.HasSuffix(lines[0], " -> ClusterRole storage:"+v+":manager") || lines[1] != "storage-operator-role-manager -> Role manager" {
			t.Errorf("version %s: %q", v, lines)
		}
		if name, _, _ := strings.Cut(lines[0], " "); (i%2 == 0) != (name == plainName) || !strings.HasPrefix(name, plainName) {
			t.Errorf("step %d: the binding is %s", i, name)
		}
	}
}

func TestNamesOfBindings(t *testing.T) {
	long := strings.Repeat("r", 60)
	plans, objects := stepwise(t, nil, []*v1alpha1.Content{solution("storage", "1",
		role(long+"-a"), role(long+"-b"), clusterRole("system-thing"), role(strings.Repeat("é", 60)), role(strings.Repeat("s", 41)), role(strings.Repeat("t", 42)))})
	if len(plans[0].Warnings)+len(plans[0].Refusals) > 0 {
		t.Error(render(plans[0]))
	}
	want := []string{
		"storage-operator-clusterrole-system-thing -> ClusterRole storage:1:system-thing",
		"storage-operator-role-" + strings.Repeat("r", 32) + "-DIGEST -> Role " + long + "-b",
		"storage-operator-role-" + strings.Repeat("r", 41) + " -> Role " + long + "-a",
		"storage-operator-role-" + strings.Repeat("s", 41) + " -> Role " + strings.Repeat("s", 41),
		"storage-operator-role-" + strings.Repeat("t", 41) + " -> Role " + strings.Repeat("t", 42),
		"storage-operator-role-" + strings.Repeat("é", 41) + " -> Role " + strings.Repeat("é", 60),
	}
	got := bindingLines(objects)
	for i, line := range got {
		name, rest, _ := strings.Cut(line, " ")
		if n := len([]rune(name)); n > 63 {
			t.Errorf("%s has %d characters", name, n)
		}
		if j := strings.LastIndex(name, "-"); strings.Contains(name, "rrr") && len(name)-j == 9 {
			got[i] = name[:j] + "-DIGEST " + rest
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const stranger = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: storage-operator-role-manager, namespace: staging-ns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: manager}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: storage-operator-clusterrole-manager, namespace: staging-ns, labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: web}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "storage:1:manager"}`

// A binding of a stranger, or of another Solution, stays as it is, whatever it
// refers to.
func TestNamesOfBindingsThatAreTaken(t *testing.T) {
	before := parseObjects(t, stranger)
	_, objects := stepwise(t, before, []*v1alpha1.Content{solution("storage", "1", role("manager"), clusterRole("manager"))})
	want := []string{
		"storage-operator-clusterrole-manager -> ClusterRole storage:1:manager", "storage-operator-clusterrole-manager-e5631288 -> ClusterRole storage:1:manager",
		"storage-operator-role-manager -> Role manager", "storage-operator-role-manager-e2049da4 -> Role manager",
	}
	if diff := cmp.Diff(want, bindingLines(objects)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, u := range before {
		if diff := cmp.Diff(u.Object, unstructuredOf(t, objects, "RoleBinding", u.GetName()).Object); diff != "" {
			t.Errorf("%s has changed:\n%s", u.GetName(), diff)
		}
	}
}

// olderRole is one that carries no name of a Solution, and bindings to it.
func olderRole(t *testing.T, owners ...string) []*unstructured.Unstructured {
	t.Helper()
	text := `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: manager, namespace: staging-ns, labels: {app.kubernetes.io/managed-by: salt}}}`
	for _, owner := range owners {
		text += "\n---\n" + `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: manager},
  metadata: {name: ` + owner + `-operator-role-manager, namespace: staging-ns, labels: {app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: ` + owner + `}}}`
	}
	return parseObjects(t, text)
}

func TestRolesOfOlderTooling(t *testing.T) {
	storage := []*v1alpha1.Content{solution("storage", "1", role("manager"))}
	for name, tt := range map[string]struct {
		owners []string
		// taken is whether the name is someone else's.
		taken bool
	}{
		"bound by this Solution": {[]string{"storage"}, false},
		"bound by nobody":        {nil, false},
		"bound by another one":   {[]string{"web"}, true},
		"bound by both":          {[]string{"storage", "web"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			plans, objects := stepwise(t, olderRole(t, tt.owners...), storage)
			want := []string{"manager"}
			if tt.taken {
				want = append(want, "storage:manager")
			}
			if diff := cmp.Diff(want, roleNames(objects)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := len(plans[0].Warnings) > 0; got != tt.taken {
				t.Errorf("warnings %q", plans[0].Warnings)
			}
			manager := unstructuredOf(t, objects, "Role", "manager")
			if isOlder := manager.GetLabels()["app.kubernetes.io/managed-by"] == "salt"; isOlder != tt.taken {
				t.Errorf("labels %v", manager.GetLabels())
			}
		})
	}
}

// A Role that is not bound to its Solution any more leaves none of its rights.
func TestRolesOfOlderToolingAreRemovedWithTheirBinding(t *testing.T) {
	for owner, want := range map[string][]string{"storage": nil, "web": {"manager"}} {
		_, objects := stepwise(t, olderRole(t, owner), []*v1alpha1.Content{solution("storage", "1", role("another"))})
		got := slices.DeleteFunc(roleNames(objects), func(name string) bool { return name == "another" })
		if !slices.Equal(got, want) || len(bindingLines(objects)) != 1+len(want) {
			t.Errorf("bound by %s: roles %q, bindings %q", owner, got, bindingLines(objects))
		}
	}
}

func TestWantedRefs(t *testing.T) {
	broken := target("1.0.0", func(t *plan.Target) { t.Endpoint = "" })
	refs := plan.WantedRefs(&plan.NamespaceInput{Live: plan.NewLive(), Targets: []plan.Target{broken, targets()["full"]}})
	var got []string
	for _, r := range refs {
		got = append(got, r.Describe())
	}
	var want []string
	for _, u := range workload(t, targets()["full"]) {
		want = append(want, plan.RefOf(u).Describe())
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
