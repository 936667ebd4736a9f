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
	if n, found := one.Find(f.prefix + "-b"); !found || n.Description != "second" {
		t.Errorf("%+v, %t", n, found)
	}
	if _, found := one.Find(f.prefix + "-c"); found {
		t.Error("a namespace of another Environment is found")
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
	var stale *corev1.ConfigMap
	for _, step := range []struct {
		edit   func()
		action apply.Action
		want   string
	}{
		{func() {}, apply.Created, "map[] map[]"},
		{func() {}, apply.Unchanged, "map[] map[]"},
		{func() { n.Solutions["storage"], n.Webhooks["storage"] = "1.0.0", true }, apply.Configured, "map[storage:1.0.0] map[webhook:storage]"},
		{func() { n.Solutions["storage"], n.Webhooks["storage"] = "1.0.0", true }, apply.Unchanged, "map[storage:1.0.0] map[webhook:storage]"},
		{func() { n.Solutions["web"], n.Webhooks["web"], n.IngressClass = "2.0.0", true, "nginx" }, apply.Configured, "map[storage:1.0.0 web:2.0.0] map[ingress-class:nginx webhook:storage,web]"},
		{func() { n.Webhooks["web"] = false }, apply.Configured, "map[storage:1.0.0 web:2.0.0] map[ingress-class:nginx webhook:storage]"},
		{func() { n.Remove("storage"); n.IngressClass = "" }, apply.Configured, "map[web:2.0.0] map[]"},
		{func() { n.Remove("storage") }, apply.Unchanged, "map[web:2.0.0] map[]"},
		{func() { n.Remove("web") }, apply.Configured, "map[] map[]"},
	} {
		step.edit()
		cm, changed := n.Edited()
		if entry := n.Entry(changed); entry.Action != step.action || entry.Object != "configmap/metalk8s-environment" || entry.Namespace != n.Name() || changed == (step.action == apply.Unchanged) {
			f.t.Errorf("%s: %+v, changed %t", step.want, entry, changed)
		}
		if changed {
			if err := f.reader.WriteEnvironment(f.t.Context(), cm, cluster.WriteOptions{}); err != nil {
				f.t.Fatal(err)
			}
			if stale != nil {
				stale.Data = map[string]string{"stale": "1"}
				if err := f.reader.WriteEnvironment(f.t.Context(), stale, cluster.WriteOptions{}); !cluster.IsConflict(err) {
					f.t.Errorf("a stale edit: %v", err)
				}
			}
			stale = cm
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
	want := map[string][]string{"storage-1.0.0": {"staging", "Prod/prod"}, "web-2.0.0": {"two/two"}, "storage-2.0.0": {"two/two-b"}}
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
	edited, changed := n.Edited()
	edited.Data["other"] = "1"
	if diff := cmp.Diff(cm, n.ConfigMap); diff != "" || !changed || len(n.Solutions) != 2 {
		t.Errorf("changed %t, %v:\n%s", changed, n.Solutions, diff)
	}
	if diff := cmp.Diff(map[string]string{"own": "annotation"}, edited.Annotations); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
