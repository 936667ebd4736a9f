// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// deployedObjects are Solutions storage and web in namespace staging-ns.
func deployedObjects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	_, objects := stepwise(t, nil, []*v1alpha1.Content{solution("storage", "1", role("leader")), solution("web", "1")})
	return objects
}

// deletions are what a plan deletes.
func deletions(p *plan.Plan) []string {
	var lines []string
	for _, c := range p.Changes {
		if c.Action == plan.Delete {
			lines = append(lines, renderChange(&c))
		}
	}
	return lines
}

const ofStorage = `delete deployment.apps/storage-operator @storage/staging-ns (no longer wanted)
delete configmap/storage-operator-config @storage/staging-ns (no longer wanted)
delete rolebinding.rbac.authorization.k8s.io/storage-operator-role-leader @storage/staging-ns (no longer wanted)
delete role.rbac.authorization.k8s.io/leader @storage/staging-ns (no longer wanted)
delete serviceaccount/storage-operator @storage/staging-ns (no longer wanted)`

// What else is in a namespace than what is wanted there.
func TestPrune(t *testing.T) {
	web := []plan.Target{targetOf(solution("web", "1"))}
	storageRefused := []plan.Refusal{{Scope: plan.Scope{Solution: "storage", Namespace: "staging-ns"}, Message: "no"}}
	for name, tt := range map[string]struct {
		in   plan.NamespaceInput
		want string
	}{
		"only web is wanted":                 {plan.NamespaceInput{Targets: web, Everything: true}, ofStorage},
		"of only one it is asked":            {plan.NamespaceInput{Targets: web}, ""},
		"storage is removed":                 {plan.NamespaceInput{Removed: []string{"storage"}}, ofStorage},
		"storage is removed, and web wanted": {plan.NamespaceInput{Targets: web, Removed: []string{"storage"}}, ofStorage},
		"storage is refused":                 {plan.NamespaceInput{Targets: web, Refused: storageRefused, Everything: true}, ""},
		"another is removed":                 {plan.NamespaceInput{Removed: []string{"mail"}}, ""},
		"nothing is wanted":                  {plan.NamespaceInput{}, ""},
	} {
		tt.in.Namespace, tt.in.Live = "staging-ns", plan.NewLive(deployedObjects(t)...)
		p := plan.Namespace(tt.in)
		checkPlan(t, p)
		if diff := cmp.Diff(tt.want, strings.Join(deletions(p), "\n")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	all := plan.Namespace(plan.NamespaceInput{Namespace: "staging-ns", Everything: true, Live: plan.NewLive(deployedObjects(t)...)})
	if got := deletions(all); len(got) != 8 {
		t.Errorf("nothing is wanted, everything to go: %q", got)
	}
}

// Things that look like deployed ones, and stay.
func TestPruneLeaves(t *testing.T) {
	base := deployedObjects(t)
	deployment := unstructuredOf(t, base, "Deployment", "storage-operator")
	renamed := func(edit func(*unstructured.Unstructured)) *unstructured.Unstructured {
		u := deployment.DeepCopy()
		u.SetName("storage-extra")
		edit(u)
		return u
	}
	controlled := func(is bool) func(*unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) {
			u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Storage", Name: "s", UID: "1", Controller: &is}})
		}
	}
	label := func(key, value string) func(*unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) { u.Object = labelled(u, key, value).Object }
	}
	for name, tt := range map[string]struct {
		extra *unstructured.Unstructured
		// pruned when storage is removed, and when everything else is.
		removed, everything bool
	}{
		"one more":                  {renamed(func(*unstructured.Unstructured) {}), true, true},
		"a controller's":            {renamed(controlled(true)), false, false},
		"one with an owner":         {renamed(controlled(false)), true, true},
		"without a component":       {renamed(label(v1alpha1.ComponentLabel, "")), false, false},
		"older tooling's":           {renamed(label(v1alpha1.ManagedByLabel, "salt")), true, false},
		"Helm's":                    {renamed(label(v1alpha1.ManagedByLabel, "Helm")), false, false},
		"another Solution's":        {renamed(label(v1alpha1.PartOfLabel, "mail")), false, true},
		"another Solution's, older": {labelled(renamed(label(v1alpha1.PartOfLabel, "mail")), v1alpha1.ManagedByLabel, "salt"), false, false},
		"of no Solution":            {renamed(label(v1alpha1.PartOfLabel, "")), false, false},
		"one that is being deleted": {renamed(func(u *unstructured.Unstructured) {
			now := metav1.Now()
			u.SetDeletionTimestamp(&now)
		}), false, false},
	} {
		for everything, want := range map[bool]bool{false: tt.removed, true: tt.everything} {
			in := plan.NamespaceInput{Namespace: "staging-ns", Everything: everything, Live: plan.NewLive(append(slices.Clone(base), tt.extra)...)}
			if !everything {
				in.Removed = []string{"storage"}
			}
			got := slices.ContainsFunc(plan.Namespace(in).Changes, func(c plan.Change) bool {
				return c.Action == plan.Delete && c.Object.Name == "storage-extra"
			})
			if got != want {
				t.Errorf("%s: with everything %t it is pruned: %t", name, everything, got)
			}
		}
	}
}

// The Solution that one is about leaves nothing of what the older tooling left
// of it.
func TestDeleteSolutionOfOlderTooling(t *testing.T) {
	p := plan.Namespace(plan.NamespaceInput{Namespace: "staging-ns", Removed: []string{"example-solution"}, Live: plan.NewLive(live(t, "older")...)})
	expect(t, p, `
		delete service/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete deployment.apps/example-solution-operator @example-solution/staging-ns (no longer wanted)
		delete deployment.apps/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete configmap/example-solution-operator-config @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-gone-role @example-solution/staging-ns (no longer wanted)
		delete role.rbac.authorization.k8s.io/example-role @example-solution/staging-ns (no longer wanted)
		delete role.rbac.authorization.k8s.io/gone-role @example-solution/staging-ns (no longer wanted)
		delete serviceaccount/example-solution-operator @example-solution/staging-ns (no longer wanted)`)
	for _, c := range p.Changes {
		if c.Live.GetUID() == "" {
			t.Errorf("%s is deleted whatever it is by then", c.Object)
		}
	}
}

// A Target that is refused by half is not carried out, and nothing of it is
// removed.
func TestRefusedTargetsAreLeftAsTheyAre(t *testing.T) {
	objects := deployedObjects(t)
	config := labelled(unstructuredOf(t, objects, "ConfigMap", "storage-operator-config"), v1alpha1.ManagedByLabel, "Helm")
	in := plan.NamespaceInput{Namespace: "staging-ns", Everything: true, Live: plan.NewLive(replaced(objects, config)...)}
	in.Targets = []plan.Target{targetOf(solution("storage", "2", role("other"))), targetOf(solution("web", "2"))}
	p := plan.Namespace(in)
	if got := deletions(p); len(got) > 0 {
		t.Errorf("%q", got)
	}
	rest := p.WithoutRefused()
	for _, c := range rest.Changes {
		if c.Scope.Solution != "web" {
			t.Errorf("%s is still changed", renderChange(&c))
		}
	}
	if len(rest.Changes) != 3 || !p.IsRefused(plan.Scope{Solution: "storage", Namespace: "staging-ns"}) || p.IsRefused(plan.Scope{Solution: "web", Namespace: "staging-ns"}) {
		t.Error(render(p))
	}
}

func TestInvalidTargetsRefuseTheirScopeOnly(t *testing.T) {
	bad := targetOf(solution("storage", "1"))
	bad.IngressClass = "A_b"
	p := plan.Namespace(plan.NamespaceInput{Namespace: "staging-ns", Targets: []plan.Target{bad, targetOf(solution("web", "1"))}, Live: plan.NewLive(), Everything: true})
	expect(t, p, `
		create serviceaccount/web-operator @web/staging-ns
		create configmap/web-operator-config @web/staging-ns
		create deployment.apps/web-operator @web/staging-ns
		refused @storage/staging-ns: invalid ingress class "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`)
}

// A binding to a ClusterRole that does not exist gives no rights.
func TestMissingClusterRoles(t *testing.T) {
	c := solution("storage", "1", clusterRole("manager"), role("leader"))
	for name, tt := range map[string]struct {
		existing map[string]bool
		refused  bool
	}{
		"who may not list them":           {nil, false},
		"none":                            {map[string]bool{}, true},
		"that of another version":         {map[string]bool{"storage:2:manager": true, "manager": true}, true},
		"it exists":                       {map[string]bool{"storage:1:manager": true}, false},
		"one called like the Role exists": {map[string]bool{"storage:1:leader": true}, true},
	} {
		p := plan.Namespace(plan.NamespaceInput{Namespace: "staging-ns", Targets: []plan.Target{targetOf(c)}, Live: plan.NewLive(), ClusterRoles: tt.existing})
		var want []string
		if tt.refused {
			want = []string{"@storage/staging-ns: ClusterRole storage:1:manager not found | have a cluster administrator run once: kubectl solution sync"}
		}
		if diff := cmp.Diff(want, refusals(p)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestRights(t *testing.T) {
	first := solution("storage", "1", role("leader"), clusterRole("nodes"))
	second := solution("storage", "2", role("leader"), grant("nodes", "get nodes, get secrets, list disks example.com"))
	second.CRDs = []v1alpha1.CRD{{Name: "disks.example.com", Group: "example.com"}}
	for name, tt := range map[string]struct {
		before, after *v1alpha1.Content
		want          []plan.RightsChange
	}{
		"installed": {nil, first, []plan.RightsChange{{
			Solution: "storage", Namespace: "staging-ns", Gains: []string{"every verb (*): pods", "get, list: nodes"},
			Dangerous: []string{"Role leader: every verb (*) on pods"},
		}}},
		"again": {first, first, nil},
		"upgraded": {first, second, []plan.RightsChange{{
			Solution: "storage", Namespace: "staging-ns", Gains: []string{"get: secrets", "list: disks of example.com"}, Loses: []string{"list: nodes"},
			Dangerous: []string{"Role leader: every verb (*) on pods", "ClusterRole nodes: get on secrets"},
		}}},
		"rolled back": {second, first, []plan.RightsChange{{
			Solution: "storage", Namespace: "staging-ns", Gains: []string{"list: nodes"}, Loses: []string{"get: secrets", "list: disks of example.com"},
			Dangerous: []string{"Role leader: every verb (*) on pods"},
		}}},
		"less": {first, solution("storage", "3", role("leader")), []plan.RightsChange{{Solution: "storage", Namespace: "staging-ns", Loses: []string{"get, list: nodes"}}}},
		"removed": {first, nil, []plan.RightsChange{{
			Solution: "storage", Namespace: "staging-ns", Loses: []string{"every verb (*): pods", "get, list: nodes"},
		}}},
		"removed, and not known": {nil, nil, nil},
	} {
		in := plan.NamespaceInput{Namespace: "staging-ns", Live: plan.NewLive(), Running: map[string]*v1alpha1.Content{}}
		if tt.before != nil {
			in.Running["storage"] = tt.before
		}
		if tt.after != nil {
			in.Targets = []plan.Target{targetOf(tt.after)}
		} else {
			in.Removed = []string{"storage"}
		}
		if diff := cmp.Diff(tt.want, plan.Namespace(in).Rights); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// A plan does not change what it is computed from, and is the same each time.
func TestPlansArePure(t *testing.T) {
	for _, name := range []string{"ours", "older", "edited", "told", "strangers"} {
		before, objects := live(t, name), live(t, name)
		first := render(deploy(t, targets()["webhook"], objects))
		for range 5 {
			if got := render(deploy(t, targets()["webhook"], objects)); got != first {
				t.Errorf("%s: another plan:\n%s\nfirst:\n%s", name, got, first)
			}
		}
		for i := range before {
			if diff := cmp.Diff(before[i].Object, objects[i].Object); diff != "" {
				t.Errorf("%s: %s has changed:\n%s", name, objects[i].GetName(), diff)
			}
		}
	}
}
