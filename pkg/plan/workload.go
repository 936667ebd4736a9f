// SPDX-License-Identifier: Apache-2.0

package plan

import (
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

// workload returns the objects of a Target, and notes on how they differ from
// what the archive says.
//
// Those of the Operator are there when the version has one, those of the UI
// when it has one that its Operator does not deploy; with neither there are
// none.
func (n *naming) workload(t Target) ([]Wanted, []string, error) {
	if err := t.validate(); err != nil {
		return nil, nil, err
	}
	var typed []runtime.Object
	var notes []string
	if t.Content.Operator != nil {
		objects, some, err := n.operator(t)
		if err != nil {
			return nil, nil, err
		}
		typed, notes = objects, some
	}
	if t.Content.UI != nil && t.Content.UIDeploy {
		objects, err := ui(t)
		if err != nil {
			return nil, nil, err
		}
		typed = append(typed, objects...)
	}
	list := make([]Wanted, 0, len(typed))
	for _, o := range typed {
		u, err := convert(o)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, Wanted{Object: u, Scope: t.scope(), Stage: stageOf(u.GetKind()), Owner: t.Content.Name})
	}
	return list, notes, nil
}

// stageOf returns the stage in which an object of a Solution is written: what is
// referred to comes before what refers to it.
func stageOf(kind string) Stage {
	switch kind {
	case "ServiceAccount", roleKind, clusterRoleKind:
		return StageRights
	case bindingKind, "ConfigMap":
		return StageBinding
	}
	return StageWorkload
}

// WorkloadKinds returns every kind that is deployed into the namespaces of
// Environments, and so every kind that may have to be removed from them.
func WorkloadKinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("ServiceAccount"),
		rbacv1.SchemeGroupVersion.WithKind(roleKind),
		rbacv1.SchemeGroupVersion.WithKind(bindingKind),
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
