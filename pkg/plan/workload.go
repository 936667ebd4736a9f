// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Workload returns the objects of a Target in an order in which they can be
// applied: what is referred to comes before what refers to it.
//
// Those of the Operator are there when the version has one, those of the UI
// when it has one that its Operator does not deploy; with neither there are
// none. ClusterRoles belong to no namespace: Targets of one Solution share
// those of the same name.
func Workload(t Target) ([]*unstructured.Unstructured, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	var typed []runtime.Object
	if t.Content.Operator != nil {
		objects, err := operator(t)
		if err != nil {
			return nil, err
		}
		typed = append(typed, objects...)
	}
	if t.Content.UI != nil && t.Content.UIDeploy {
		objects, err := ui(t)
		if err != nil {
			return nil, err
		}
		typed = append(typed, objects...)
	}
	objects := make([]*unstructured.Unstructured, 0, len(typed))
	for _, o := range typed {
		u, err := convert(o)
		if err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	kinds := WorkloadKinds()
	rank := func(u *unstructured.Unstructured) int { return slices.Index(kinds, u.GroupVersionKind()) }
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return cmp.Compare(rank(a), rank(b)) })
	return objects, nil
}

// WorkloadKinds returns every kind that Workload makes, and so every kind that
// may have to be pruned, in the order in which they are applied.
func WorkloadKinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
		rbacv1.SchemeGroupVersion.WithKind("Role"),
		rbacv1.SchemeGroupVersion.WithKind("ClusterRole"),
		rbacv1.SchemeGroupVersion.WithKind("RoleBinding"),
		corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		appsv1.SchemeGroupVersion.WithKind("Deployment"),
		corev1.SchemeGroupVersion.WithKind("Service"),
		networkingv1.SchemeGroupVersion.WithKind("Ingress"),
	}
}

// convert returns a typed object as data to apply. Whoever applies a field
// owns it: so status, nulls and empty structures that only the Go types put
// there are left out.
func convert(o runtime.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("converting %s: %w", o.GetObjectKind().GroupVersionKind().Kind, err)
	}
	delete(content, "status")
	dropEmpty(content)
	return &unstructured.Unstructured{Object: content}, nil
}

// dropEmpty removes nulls, and what is not a pointer in the Go types but is
// optional in the API: Kubernetes gives no meaning to these being empty.
func dropEmpty(v any) {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(key string, value any) bool {
			m, isMap := value.(map[string]any)
			return value == nil || isMap && len(m) == 0 && (key == "strategy" || key == "resources")
		})
		for _, item := range v {
			dropEmpty(item)
		}
	case []any:
		for _, item := range v {
			dropEmpty(item)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
