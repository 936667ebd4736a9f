// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// digest returns one made of a single digit.
func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

// content returns a version of example-solution with an Operator, a UI, and a
// Role and a ClusterRole.
func content(version string) *v1alpha1.Content {
	operator := v1alpha1.ImageName{Name: "example-solution-operator", Tag: "1.0.0"}
	ui := v1alpha1.ImageName{Name: "example-solution-ui", Tag: "1.0.0"}
	return &v1alpha1.Content{
		ID:          "example-solution-" + version,
		Name:        "example-solution",
		Version:     version,
		DisplayName: "Example Solution",
		Manifest:    map[string]any{"kind": "Solution"},
		Images: []v1alpha1.Image{
			{ImageName: operator, Digest: digest("a"), Size: 1},
			{ImageName: ui, Digest: digest("b"), Size: 1},
		},
		Operator: &operator,
		UI:       &ui,
		UIDeploy: true,
		Roles:    []map[string]any{clusterRole("example-nodes"), role("example-role")},
	}
}

func role(name string) map[string]any {
	return map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind":       "Role",
		"metadata": map[string]any{
			"name":              name,
			"namespace":         "somewhere-else",
			"creationTimestamp": nil,
			"labels":            map[string]any{"app": "theirs", "own": "label"},
			"annotations":       map[string]any{"own": "annotation", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
			"managedFields":     []any{map[string]any{"manager": "kubectl"}},
			"resourceVersion":   "42",
			"uid":               "1234",
			"finalizers":        []any{"example.com/stuck"},
			"ownerReferences":   []any{map[string]any{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "5"}},
		},
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"*"},
		}},
		"status": map[string]any{"phase": "none"},
	}
}

func clusterRole(name string) map[string]any {
	return map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind":       "ClusterRole",
		"metadata":   map[string]any{"name": name, "namespace": "somewhere-else"},
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"nodes"}, "verbs": []any{"get", "list"},
		}},
	}
}

func version(v string) plan.Version {
	return plan.Version{
		Version: v,
		ID:      "example-solution-" + v,
		Images:  []string{"example-solution-ui:1.0.0", "example-solution-operator:1.0.0", "nginx:1.27"},
	}
}

// target returns one for version in namespace staging-ns of Environment
// staging; change may alter it.
func target(v string, change func(*plan.Target)) plan.Target {
	t := plan.Target{
		Environment: "staging",
		Namespace:   "staging-ns",
		Content:     content(v),
		Versions:    []plan.Version{version(v)},
		Endpoint:    "registry.example.com:5000",
	}
	if change != nil {
		change(&t)
	}
	return t
}

// workload returns what is deployed for a Target into an empty namespace, in the
// order in which it is.
func workload(t *testing.T, target plan.Target) []*unstructured.Unstructured {
	t.Helper()
	p := plan.Namespace(plan.NamespaceInput{Namespace: target.Namespace, Targets: []plan.Target{target}, Live: plan.NewLive()})
	if len(p.Refusals) > 0 {
		t.Fatalf("refused: %v", p.Refusals)
	}
	objects := make([]*unstructured.Unstructured, 0, len(p.Changes))
	for _, c := range p.Changes {
		if c.Action != plan.Create || c.Method != plan.Apply || c.Force {
			t.Errorf("%s: %s by %s, force %t", c.Object, c.Action, c.Method, c.Force)
		}
		objects = append(objects, c.Manifest)
	}
	return objects
}

// typed converts u to the type of its kind and fails on an unknown field.
func typed(t *testing.T, u *unstructured.Unstructured) runtime.Object {
	t.Helper()
	types := map[string]runtime.Object{
		"v1 ServiceAccount":                        &corev1.ServiceAccount{},
		"v1 ConfigMap":                             &corev1.ConfigMap{},
		"v1 Namespace":                             &corev1.Namespace{},
		"v1 Service":                               &corev1.Service{},
		"apps/v1 Deployment":                       &appsv1.Deployment{},
		"networking.k8s.io/v1 Ingress":             &networkingv1.Ingress{},
		"rbac.authorization.k8s.io/v1 Role":        &rbacv1.Role{},
		"rbac.authorization.k8s.io/v1 ClusterRole": &rbacv1.ClusterRole{},
		"rbac.authorization.k8s.io/v1 RoleBinding": &rbacv1.RoleBinding{},
	}
	o, found := types[u.GetAPIVersion()+" "+u.GetKind()]
	if !found {
		t.Fatalf("no type for %s %s", u.GetAPIVersion(), u.GetKind())
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, o, true); err != nil {
		t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
	}
	return o
}

// find returns the object of that type and name.
func find[T runtime.Object](t *testing.T, objects []*unstructured.Unstructured, name string) T {
	t.Helper()
	for _, u := range objects {
		if o, ok := typed(t, u).(T); ok && u.GetName() == name {
			return o
		}
	}
	var none T
	t.Fatalf("no %T %s", none, name)
	return none
}

// unstructuredOf returns the object of that kind and name.
func unstructuredOf(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, u := range objects {
		if u.GetKind() == kind && u.GetName() == name {
			return u
		}
	}
	t.Fatalf("no %s %s among %q", kind, name, titles(objects))
	return nil
}

// titles returns "<kind> <namespace>/<name>" of each.
func titles(objects []*unstructured.Unstructured) []string {
	list := make([]string, 0, len(objects))
	for _, u := range objects {
		list = append(list, u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName())
	}
	return list
}

// checkError fails unless err mentions every one of parts.
func checkError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, and one with %q is due", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not mention %q", err, part)
		}
	}
}
