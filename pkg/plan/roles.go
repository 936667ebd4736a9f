// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxBindingName is where the names of RoleBindings are cut.
const maxBindingName = 63

// roles returns the Roles and ClusterRoles of an Operator, each with the
// RoleBinding that gives it to the Operator in its own namespace: what a
// ClusterRole allows is allowed there, and nowhere else.
func roles(c component, documents []map[string]any) ([]runtime.Object, error) {
	var objects []runtime.Object
	seen := map[string]bool{}
	bindings := map[string]string{}
	for i, document := range documents {
		role, err := decodeRole(document)
		if err != nil {
			return nil, fmt.Errorf("document %d of the roles of Solution %s: %w", i+1, c.solution, err)
		}
		title := role.Kind + " " + role.Name
		if seen[title] {
			return nil, fmt.Errorf("%s is twice in the roles of Solution %s", title, c.solution)
		}
		seen[title] = true
		binding := roleBinding(c, role)
		if other, found := bindings[binding.Name]; found {
			return nil, fmt.Errorf("%s and %s of Solution %s would both be bound by RoleBinding %s, whose name is cut to %d characters",
				other, title, c.solution, binding.Name, maxBindingName)
		}
		bindings[binding.Name] = title
		objects = append(objects, roleObject(c, role), binding)
	}
	return objects, nil
}

// decodeRole reads a Role or a ClusterRole. Fields that the API does not know
// are dropped, as an API server that is sent them does by default.
func decodeRole(document map[string]any) (*rbacv1.ClusterRole, error) {
	kind, _ := document["kind"].(string)
	if kind != "Role" && kind != "ClusterRole" {
		return nil, fmt.Errorf("kind is %q, and must be Role or ClusterRole", kind)
	}
	want := rbacv1.SchemeGroupVersion.String()
	if version, _ := document["apiVersion"].(string); version != want {
		return nil, fmt.Errorf("apiVersion of %s is %q, and must be %s", kind, version, want)
	}
	// A Role's fields are a part of a ClusterRole's.
	role := &rbacv1.ClusterRole{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(document, role); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if role.Name == "" {
		return nil, errors.New("metadata.name of " + kind + " is missing")
	}
	if problems := content.IsPathSegmentName(role.Name); len(problems) > 0 {
		return nil, fmt.Errorf("name %q of %s: %s", role.Name, kind, problems[0])
	}
	return role, nil
}

// roleObject returns the role as it is deployed. Of the document's metadata
// its name, labels and annotations stay; the labels by which it is found again
// take precedence over its own.
func roleObject(c component, role *rbacv1.ClusterRole) runtime.Object {
	meta := c.named(role.Name)
	labels := maps.Clone(role.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, meta.Labels)
	meta.Labels = labels
	meta.Annotations = maps.Clone(role.Annotations)
	delete(meta.Annotations, corev1.LastAppliedConfigAnnotation)
	if role.Kind == "Role" {
		return &rbacv1.Role{TypeMeta: role.TypeMeta, ObjectMeta: meta, Rules: role.Rules}
	}
	meta.Namespace = ""
	return &rbacv1.ClusterRole{TypeMeta: role.TypeMeta, ObjectMeta: meta, Rules: role.Rules, AggregationRule: role.AggregationRule}
}

func roleBinding(c component, role *rbacv1.ClusterRole) *rbacv1.RoleBinding {
	name := []rune(c.name() + "-" + strings.ToLower(role.Kind) + "-" + role.Name)
	if len(name) > maxBindingName {
		// Whatever the last character is now, the name stays legal: names in
		// RBAC are path segments, not DNS names.
		name = name[:maxBindingName]
	}
	return &rbacv1.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
		ObjectMeta: c.named(string(name)),
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: c.name(), Namespace: c.namespace}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: role.Name},
	}
}
