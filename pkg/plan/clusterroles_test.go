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

// grant returns a ClusterRole with these rules, "<verb> <resource> <group>", and
// labels, "<key>=<value>".
func grant(name, rules string, labels ...string) map[string]any {
	document := clusterRole(name)
	var list []any
	for _, rule := range strings.Split(rules, ", ") {
		words := append(strings.Fields(rule), "")
		list = append(list, map[string]any{"verbs": []any{words[0]}, "resources": []any{words[1]}, "apiGroups": []any{words[2]}})
	}
	document["rules"] = list
	set := map[string]any{}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		set[key] = value
	}
	document["metadata"] = map[string]any{"name": name, "labels": set}
	return document
}

// aggregating returns a ClusterRole that aggregates those with these labels.
func aggregating(name string, labels ...string) map[string]any {
	document := clusterRole(name)
	match := map[string]any{}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		match[key] = value
	}
	document["rules"] = []any{}
	document["metadata"] = map[string]any{"name": name}
	document["aggregationRule"] = map[string]any{"clusterRoleSelectors": []any{map[string]any{"matchLabels": match}}}
	return document
}

// ruleLines returns the rules of a role, "get nodes, bind clusterroles.rbac...".
func ruleLines(u *unstructured.Unstructured) string {
	var lines []string
	rules, _, _ := unstructured.NestedSlice(u.Object, "rules")
	for _, item := range rules {
		r := item.(map[string]any)
		line := fmt.Sprint(r["verbs"], " ", r["resources"], " of ", r["apiGroups"])
		if names, ok := r["resourceNames"]; ok {
			line += fmt.Sprint(" named ", names)
		}
		lines = append(lines, strings.NewReplacer("[", "", "]", "").Replace(line))
	}
	return strings.Join(lines, ", ")
}

func (w *world) checkRole(name, rules string) {
	w.t.Helper()
	u := w.object("ClusterRole", name)
	if u == nil {
		w.t.Errorf("no ClusterRole %s among %q", name, w.names("ClusterRole"))
	} else if got := ruleLines(u); got != rules {
		w.t.Errorf("ClusterRole %s: %s\nwant %s", name, got, rules)
	}
}

func TestClusterRolesOfVersions(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes")), true)
	w.imports(solution("storage", "2.0.0+b1", grant("manager", "list nodes", "own=label")), false)
	w.sync()
	w.checkRole("storage:1.0.0:manager", "get nodes of ")
	w.checkRole("storage:2.0.0+b1:manager", "list nodes of ")
	w.checkRole("manager", "get nodes of ")
	want := map[string]string{"app.kubernetes.io/managed-by": "kubectl-solution", "app.kubernetes.io/part-of": "storage", "app.kubernetes.io/version": "2.0.0_b1"}
	if diff := cmp.Diff(want, w.object("ClusterRole", "storage:2.0.0+b1:manager").GetLabels()); diff != "" {
		t.Errorf("labels -want +got:\n%s", diff)
	}
	w.activate("storage", "2.0.0+b1")
	w.sync()
	w.checkRole("manager", "list nodes of ")
	want["own"] = "label"
	if diff := cmp.Diff(want, w.object("ClusterRole", "manager").GetLabels()); diff != "" {
		t.Errorf("labels -want +got:\n%s", diff)
	}
	// Without an active version there is none of the document's own name.
	w.activate("storage", "")
	w.sync()
	if got := w.names("ClusterRole"); !slices.Equal(got, []string{"solutions:deployer", "storage:1.0.0:manager", "storage:2.0.0+b1:manager"}) {
		t.Errorf("%q", got)
	}
}

func TestClusterRoleNamesThatAreTaken(t *testing.T) {
	const helm = `labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: r}`
	const older = `labels: {app.kubernetes.io/managed-by: salt, heritage: salt}`
	const binding = "\n---\n" + `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, roleRef: {kind: ClusterRole, name: manager}, metadata: {name: theirs}}`
	const ownBinding = "\n---\n" + `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: ClusterRole, name: manager}, metadata: {name: own, namespace: n, labels: {app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: storage}}}`
	stays := func(owner string) string {
		return "ClusterRole manager belongs to " + owner + " and stays as it is; the Operator of storage is bound to storage:1.0.0:manager"
	}
	for name, tt := range map[string]struct {
		metadata, more, warning string
		adopt                   bool
	}{
		"free":                             {},
		"Helm's":                           {metadata: helm, warning: stays("Helm release r")},
		"Helm's, adopted":                  {metadata: helm, adopt: true},
		"another Solution's":               {metadata: `labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: web}`, warning: stays("Solution web")},
		"Kubernetes' own":                  {metadata: `labels: {kubernetes.io/bootstrapping: rbac-defaults}`, warning: stays("Kubernetes")},
		"older tooling's":                  {metadata: older},
		"older tooling's, bound by ours":   {metadata: older, more: ownBinding},
		"older tooling's, bound by others": {metadata: older, more: ownBinding + binding, warning: stays("the older tooling")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(solution("storage", "1.0.0", grant("manager", "get nodes")), true)
			if tt.metadata != "" {
				w.objects = parseObjects(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, rules: [], metadata: {name: manager, `+tt.metadata+`}}`+tt.more)
			}
			in := w.input("storage")
			if tt.adopt {
				in.Options.Adopt = adoptTargets(t, "clusterrole/manager")
			}
			before := w.input("storage")
			before.Cluster.Bindings = nil
			if needs := before.NeedsBindings(); needs != (tt.metadata == older) {
				t.Errorf("it needs the bindings: %t", needs)
			}
			p := w.plan(in)
			if got := strings.Join(p.Warnings, "\n"); got != tt.warning || len(p.Refusals) > 0 {
				t.Errorf("%s\nwant %s; refused %v", got, tt.warning, p.Refusals)
			}
			w.carryOut(p)
			want := "get nodes of "
			if tt.warning != "" {
				want = ""
			}
			w.checkRole("manager", want)
			w.checkRole("storage:1.0.0:manager", "get nodes of ")
		})
	}
}

// A role of Kubernetes is refused even where the user would adopt it.
func TestKubernetesRolesAreNotAdopted(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes")), true)
	w.objects = parseObjects(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, rules: [], metadata: {name: manager, labels: {kubernetes.io/bootstrapping: rbac-defaults}}}`)
	in := w.input("storage")
	in.Options.Adopt = adoptTargets(t, "clusterrole/manager")
	want := []string{"@storage: clusterrole.rbac.authorization.k8s.io/manager exists, and belongs to Kubernetes | no command changes it: ask the vendor to rename the role in the archive"}
	if diff := cmp.Diff(want, refusals(w.plan(in))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestVersionedNameThatIsTaken(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes")), false)
	w.objects = parseObjects(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "storage:1.0.0:manager", labels: {app.kubernetes.io/managed-by: Helm}}}`)
	want := []string{"@storage: clusterrole.rbac.authorization.k8s.io/storage:1.0.0:manager exists, and belongs to Helm | to take it over: --adopt clusterrole/storage:1.0.0:manager"}
	if diff := cmp.Diff(want, refusals(w.plan(w.input()))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Two Solutions whose ClusterRoles have one name: the first one gets it, and
// keeps it.
func TestClusterRolesOfTwoSolutions(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("web", "1.0.0", grant("manager", "list pods")), true)
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes")), true)
	p := w.sync()
	want := []string{"ClusterRole manager is deployed for Solution storage; the Operator of web is bound to web:1.0.0:manager"}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.checkRole("manager", "get nodes of ")
	w.checkRole("web:1.0.0:manager", "list pods of ")
	w.sync("web")
	w.checkRole("manager", "get nodes of ")
	w.unimport("storage-1.0.0")
	w.carryOut(w.plan(w.input()))
	w.sync()
	w.checkRole("manager", "list pods of ")
}

// Labels that would add rights to roles of the cluster.
func TestAggregationLabels(t *testing.T) {
	const toView, custom = "rbac.authorization.k8s.io/aggregate-to-view", "example.com/monitoring"
	theirs := aggregating("monitoring", custom+"=yes")
	two := aggregating("monitoring", custom+"=yes", "example.com/more=yes")
	ours := aggregating("monitoring", custom+"=yes")
	ours["metadata"].(map[string]any)["labels"] = map[string]any{"app.kubernetes.io/managed-by": "kubectl-solution", "app.kubernetes.io/part-of": "storage"}
	for name, tt := range map[string]struct {
		rules, labels string
		live          map[string]any
		dropped       []string
	}{
		"own kinds to view":                            {rules: "get disks example.com", labels: toView + "=true"},
		"others' to view":                              {rules: "get pods", labels: toView + "=true", dropped: []string{toView}},
		"both to view":                                 {rules: "get disks example.com, get deployments apps", labels: toView + "=true", dropped: []string{toView}},
		"no other label":                               {rules: "get pods", labels: custom + "=yes"},
		"one that a stranger's role selects":           {rules: "get pods", labels: custom + "=yes", live: theirs, dropped: []string{custom}},
		"with another value":                           {rules: "get pods", labels: custom + "=no", live: theirs},
		"for own kinds":                                {rules: "get disks example.com", labels: custom + "=yes", live: theirs},
		"one that only an own role selects":            {rules: "get pods", labels: custom + "=yes", live: ours},
		"two that a stranger's role selects":           {rules: "get pods", labels: custom + "=yes example.com/more=yes", live: two, dropped: []string{custom, "example.com/more"}},
		"one of two that a stranger's role selects by": {rules: "get pods", labels: custom + "=yes", live: two},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := solution("storage", "1.0.0", grant("manager", tt.rules, strings.Fields(tt.labels)...))
			if tt.live != nil {
				w.objects = []*unstructured.Unstructured{{Object: tt.live}}
			}
			w.imports(c, true)
			c.CRDs = []v1alpha1.CRD{{Name: "disks.example.com", Group: "example.com"}}
			p := w.plan(w.input())
			var warnings []string
			for _, key := range tt.dropped {
				warnings = append(warnings, "ClusterRole manager of storage is deployed without label "+key+": it would aggregate rights to other API groups than the Solution's own into roles of the cluster")
			}
			got := slices.DeleteFunc(slices.Clone(p.Warnings), func(text string) bool { return !strings.Contains(text, "without label") })
			if diff := cmp.Diff(warnings, got, cmp.Transformer("empty", func(l []string) string { return strings.Join(l, "\n") })); diff != "" {
				t.Errorf("warnings -want +got:\n%s", diff)
			}
			w.carryOut(p)
			set := w.object("ClusterRole", "manager").GetLabels()
			for _, label := range strings.Fields(tt.labels) {
				key, _, _ := strings.Cut(label, "=")
				if _, kept := set[key]; kept == slices.Contains(tt.dropped, key) {
					t.Errorf("label %s is kept: %t", key, kept)
				}
			}
			for key := range w.object("ClusterRole", "storage:1.0.0:manager").GetLabels() {
				if strings.Contains(key, "aggregate") || strings.HasPrefix(key, "example.com/") {
					t.Errorf("the role of the version has label %s", key)
				}
			}
		})
	}
}

// The rules of an aggregating role of an archive are those of the archive's own
// roles: what the version's Operator is bound to takes no stranger's rights.
func TestAggregatedRolesAreResolved(t *testing.T) {
	w := newWorld(t)
	notThis := role("d")
	notThis["metadata"].(map[string]any)["labels"] = map[string]any{"part": "yes"}
	w.imports(solution("storage", "1.0.0", notThis,
		aggregating("manager", "part=yes"), grant("a", "get nodes", "part=yes"), grant("b", "list pods, get nodes", "part=yes"), grant("c", "get secrets", "part=no"),
	), true)
	w.objects = []*unstructured.Unstructured{{Object: grant("stranger", "* *", "part=yes")}}
	w.sync()
	w.checkRole("storage:1.0.0:manager", "get nodes of , list pods of ")
	own := w.object("ClusterRole", "manager")
	if _, found := own.Object["rules"]; found || own.Object["aggregationRule"] == nil {
		t.Errorf("the role of the archive's own name is %v", own.Object)
	}
	if _, found := w.object("ClusterRole", "storage:1.0.0:manager").Object["aggregationRule"]; found {
		t.Error("the role of the version aggregates")
	}
}

// What a role aggregates is not known before it is there.
func TestAggregatedRolesAddNothingToRolesOfTheCluster(t *testing.T) {
	manager := aggregating("manager", "part=yes")
	manager["metadata"].(map[string]any)["labels"] = map[string]any{"rbac.authorization.k8s.io/aggregate-to-view": "true"}
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", manager), true)
	if p := w.sync(); len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "without label rbac.authorization.k8s.io/aggregate-to-view") {
		t.Errorf("%q", p.Warnings)
	}
}

func TestDeployerRole(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("web", "1.0.0", role("leader")), false)
	w.sync()
	w.checkRole("solutions:deployer", "* pods of ")
	if diff := cmp.Diff(map[string]string{"app.kubernetes.io/managed-by": "kubectl-solution", "app.kubernetes.io/part-of": "metalk8s"},
		w.object("ClusterRole", "solutions:deployer").GetLabels()); diff != "" {
		t.Errorf("labels -want +got:\n%s", diff)
	}
	secrets := role("secrets")
	secrets["rules"] = []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"get"}}}
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes"), role("leader"), secrets), false)
	w.imports(solution("storage", "2.0.0", grant("manager", "list nodes"), grant("more", "list pods")), false)
	w.sync("storage")
	w.checkRole("solutions:deployer", "bind clusterroles of rbac.authorization.k8s.io named storage:1.0.0:manager storage:2.0.0:manager storage:2.0.0:more, * pods of , get secrets of ")
	w.unimport("storage-1.0.0")
	w.unimport("web-1.0.0")
	w.sync()
	w.checkRole("solutions:deployer", "bind clusterroles of rbac.authorization.k8s.io named storage:2.0.0:manager storage:2.0.0:more")
}

func TestObsoleteClusterRoles(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", grant("manager", "get nodes"), grant("other", "get nodes")), true)
	w.imports(solution("web", "1.0.0", grant("web", "get nodes")), true)
	w.sync()
	if in := w.input(); in.NeedsBindings() {
		t.Error("bindings are read, and nothing is to be deleted")
	}
	w.unimport("storage-1.0.0")
	w.objects = append(w.objects, parseObjects(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "solutions:other", labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: metalk8s}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: n}
roleRef: {kind: ClusterRole, name: "storage:1.0.0:manager"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: c}
roleRef: {kind: ClusterRole, name: other}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: r, namespace: n}
roleRef: {kind: Role, name: manager}`)...)
	if in := w.input("web"); in.NeedsBindings() {
		t.Error("the command is about another Solution")
	}
	in := w.input("storage")
	if !in.NeedsBindings() {
		t.Error("the bindings are not read")
	}
	p := w.plan(in)
	p.Changes = slices.DeleteFunc(p.Changes, func(c plan.Change) bool { return c.Object.Kind != "ClusterRole" })
	p.Destroys = nil
	expect(t, p, `
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		keep clusterrole.rbac.authorization.k8s.io/other @storage (bound by clusterrolebinding.rbac.authorization.k8s.io/c)
		keep clusterrole.rbac.authorization.k8s.io/storage:1.0.0:manager @storage (bound by rolebinding.rbac.authorization.k8s.io/b)
		delete clusterrole.rbac.authorization.k8s.io/manager @storage (no longer wanted)
		delete clusterrole.rbac.authorization.k8s.io/storage:1.0.0:other @storage (no longer wanted)`)
}

// Roles that are none make a version that cannot be deployed, and nothing else.
func TestRolesThatAreNone(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("cluster-admin")), true)
	w.imports(solution("web", "1.0.0", clusterRole("web")), true)
	p := w.sync("storage")
	want := []string{
		"storage-1.0.0 cannot be deployed into an Environment: ClusterRole cluster-admin in the roles of Solution storage: the name is reserved: Kubernetes has a ClusterRole of that name",
		"the configuration of the bootstrap node was changed by hand for web; run kubectl solution sync so that the cluster follows",
	}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := w.names("ClusterRole"); !slices.Equal(got, []string{"solutions:deployer"}) {
		t.Errorf("%q", got)
	}
	if p = w.sync("web"); len(p.Warnings) > 0 {
		t.Errorf("%q", p.Warnings)
	}
}
