// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestEnvironments(t *testing.T) {
	f := newFixture(t)
	label := func(environment string) map[string]string {
		return map[string]string{v1alpha1.EnvironmentLabel: f.prefix + environment}
	}
	f.namespace(f.prefix+"-b", label("two"), v1alpha1.EnvironmentDescriptionAnnotation, "second")
	f.namespace(f.prefix+"-a", label("two"))
	f.namespace(f.prefix+"-c", label("one"), v1alpha1.EnvironmentDescriptionAnnotation, "first of all")
	f.namespace(f.prefix+"-none", nil)
	f.configMap(f.prefix+"-b", v1alpha1.EnvironmentConfigMap, map[string]string{"storage": "1.0.0", "web": "2.0.0"},
		map[string]string{v1alpha1.WebhookAnnotation: "web,,gone", v1alpha1.IngressClassAnnotation: "nginx"})
	f.configMap(f.prefix+"-c", "another", map[string]string{"storage": "3.0.0"}, nil)
	// Of a namespace that is no Environment's, even a ConfigMap of that name is none.
	f.configMap(f.prefix+"-none", v1alpha1.EnvironmentConfigMap, map[string]string{"storage": "4.0.0"}, nil)
	environments, err := f.reader.Environments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`$Pone: $P-c "first of all" no ConfigMap`,
		`$Ptwo: $P-a "" no ConfigMap`,
		`$Ptwo: $P-b "second" storage@1.0.0 web@2.0.0 with webhook class nginx`,
	}, "\n")
	if got := f.lines(environments); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	one, err := f.reader.Environment(t.Context(), f.prefix+"two")
	if err != nil || len(one.Namespaces) != 2 {
		t.Fatalf("%+v, %v", one, err)
	}
	if none, err := f.reader.Environment(t.Context(), f.prefix+"none"); err != nil || none.Name != f.prefix+"none" || none.Namespaces != nil {
		t.Errorf("%+v, %v", none, err)
	}
}

func TestEnvironmentNamespace(t *testing.T) {
	f := newFixture(t)
	if n, owner, err := f.reader.EnvironmentNamespace(t.Context(), f.prefix+"-none"); n != nil || owner != "" || err != nil {
		t.Errorf("of none: %+v, %q, %v", n, owner, err)
	}
	if n, owner, err := f.reader.EnvironmentNamespace(t.Context(), f.prefix); n == nil || owner != "" || err != nil {
		t.Errorf("of no Environment: %+v, %q, %v", n, owner, err)
	}
	name := f.prefix + "-a"
	f.namespace(name, map[string]string{v1alpha1.EnvironmentLabel: "E"})
	n, owner, err := f.reader.EnvironmentNamespace(t.Context(), name)
	if err != nil || owner != "E" || n.ConfigMap != nil {
		t.Fatalf("%+v, %q, %v", n, owner, err)
	}
	checkEdits(f, n)
}

// checkEdits edits what a namespace records, as commands do: read, edit, write.
func checkEdits(f *fixture, n *cluster.EnvironmentNamespace) {
	f.t.Helper()
	applier := apply.New(f.reader.Client, nil)
	scope := plan.Scope{Solution: "s", Namespace: n.Name()}
	var stale *plan.Change
	for _, step := range []struct {
		edit   func()
		action plan.Action
		want   string
	}{
		{func() {}, plan.Create, "map[] map[]"},
		{func() {}, plan.None, "map[] map[]"},
		{func() { n.Solutions["storage"], n.Webhooks["storage"] = "1.0.0", true }, plan.Update, "map[storage:1.0.0] map[webhook:storage]"},
		{func() { n.Solutions["storage"], n.Webhooks["storage"] = "1.0.0", true }, plan.None, "map[storage:1.0.0] map[webhook:storage]"},
		{func() { n.Solutions["web"], n.Webhooks["web"], n.IngressClass = "2.0.0", true, "nginx" }, plan.Update, "map[storage:1.0.0 web:2.0.0] map[ingress-class:nginx webhook:storage,web]"},
		{func() { n.Webhooks["web"] = false }, plan.Update, "map[storage:1.0.0 web:2.0.0] map[ingress-class:nginx webhook:storage]"},
		{func() { n.Remove("storage"); n.IngressClass = "" }, plan.Update, "map[web:2.0.0] map[]"},
		{func() { n.Remove("storage") }, plan.None, "map[web:2.0.0] map[]"},
		{func() { n.Remove("web") }, plan.Update, "map[] map[]"},
	} {
		step.edit()
		c, err := n.Edited(scope)
		if err != nil {
			f.t.Fatal(err)
		}
		if c.Action != step.action || c.Object.String() != "configmap/metalk8s-environment" || c.Object.Namespace != n.Name() || c.Scope != scope {
			f.t.Errorf("%s: %s %s", step.want, c.Action, c.Object.Describe())
		}
		if _, err := applier.Execute(f.t.Context(), &plan.Plan{Changes: []plan.Change{c}}, apply.ExecuteOptions{}); err != nil {
			f.t.Fatal(err)
		}
		if c.Writes() {
			if stale != nil {
				if _, err := applier.Execute(f.t.Context(), &plan.Plan{Changes: []plan.Change{*stale}}, apply.ExecuteOptions{}); !apply.IsConflict(err) {
					f.t.Errorf("a stale edit: %v", err)
				}
			}
			stale = &c
		}
		again, _, err := f.reader.EnvironmentNamespace(f.t.Context(), n.Name())
		if err != nil {
			f.t.Fatal(err)
		}
		if got := recorded(again.ConfigMap); got != step.want {
			f.t.Errorf("%s, want %s", got, step.want)
		}
		*n = *again
	}
}

// recorded tells of a ConfigMap's data and this group's annotations.
func recorded(cm *corev1.ConfigMap) string {
	annotations := map[string]string{}
	for key, value := range cm.Annotations {
		annotations[strings.TrimPrefix(key, v1alpha1.Group+"/")] = value
	}
	return fmt.Sprint(cm.Data, annotations)
}

// environment makes one of namespaces, each with one Solution or none.
func environment(name string, namespaces map[string]string) cluster.Environment {
	e := cluster.Environment{Name: name}
	for ns, solution := range namespaces {
		n := cluster.EnvironmentNamespace{Namespace: corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, Solutions: map[string]string{}}
		if solution, version, found := strings.Cut(solution, "@"); found {
			n.Solutions[solution] = version
		}
		e.Namespaces = append(e.Namespaces, n)
	}
	return e
}

func TestUsers(t *testing.T) {
	got := cluster.Users([]cluster.Environment{
		environment("staging", map[string]string{"staging": "storage@1.0.0"}),
		environment("Prod", map[string]string{"prod": "storage@1.0.0"}),
		environment("two", map[string]string{"two": "web@2.0.0", "two-b": "storage@2.0.0"}),
		environment("empty", map[string]string{"empty": ""}),
	})
	want := map[plan.VersionKey][]string{
		{Name: "storage", Version: "1.0.0"}: {"staging", "Prod/prod"}, {Name: "web", Version: "2.0.0"}: {"two/two"}, {Name: "storage", Version: "2.0.0"}: {"two/two-b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := cluster.Users(nil); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// What was read stays as it was: a failed edit can be made again from it.
func TestEditedIsACopy(t *testing.T) {
	cm := &corev1.ConfigMap{Data: map[string]string{"storage": "1.0.0"}}
	cm.Annotations = map[string]string{"own": "annotation", v1alpha1.WebhookAnnotation: "storage"}
	n := environment("e", map[string]string{"e": "storage@1.0.0"}).Namespaces[0]
	n.ConfigMap = cm.DeepCopy()
	n.Webhooks = map[string]bool{}
	n.Solutions["web"] = "1"
	c, err := n.Edited(plan.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	c.Manifest.Object["data"].(map[string]any)["other"] = "1"
	if diff := cmp.Diff(cm, n.ConfigMap); diff != "" || c.Action != plan.Update || len(n.Solutions) != 2 {
		t.Errorf("%s, %v:\n%s", c.Action, n.Solutions, diff)
	}
	if diff := cmp.Diff(map[string]string{"own": "annotation"}, c.Manifest.GetAnnotations()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
