// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

const (
	rbacGroup       = rbacv1.GroupName
	roleKind        = "Role"
	clusterRoleKind = "ClusterRole"
	bindingKind     = "RoleBinding"
)

// maxBindingName is where the names of RoleBindings are cut.
const maxBindingName = 63

// VersionedRole returns the name under which a ClusterRole of an archive is
// deployed for each version, so that no version, Solution or stranger shares it.
func VersionedRole(solution, version, role string) string {
	return solution + ":" + version + ":" + role
}

// decodeRoles reads the documents of role.yaml.
func decodeRoles(solution string, documents []map[string]any) ([]*rbacv1.ClusterRole, error) {
	var roles []*rbacv1.ClusterRole
	seen := map[string]bool{}
	for i, document := range documents {
		role, err := decodeRole(document)
		if err != nil {
			return nil, fmt.Errorf("document %d of the roles of Solution %s: %w", i+1, solution, err)
		}
		title := role.Kind + " " + role.Name
		if seen[title] {
			return nil, fmt.Errorf("%s is twice in the roles of Solution %s", title, solution)
		}
		if err := v1alpha1.ReservedRoleName(solution, role.Name); err != nil {
			return nil, fmt.Errorf("%s in the roles of Solution %s: %w", title, solution, err)
		}
		seen[title] = true
		roles = append(roles, role)
	}
	return roles, nil
}

// decodeRole reads a Role or a ClusterRole. Fields that the API does not know
// are dropped, as an API server that is sent them does by default.
func decodeRole(document map[string]any) (*rbacv1.ClusterRole, error) {
	kind, _ := document["kind"].(string)
	if kind != roleKind && kind != clusterRoleKind {
		return nil, fmt.Errorf("invalid kind %q: must be Role or ClusterRole", kind)
	}
	want := rbacv1.SchemeGroupVersion.String()
	if version, _ := document["apiVersion"].(string); version != want {
		return nil, fmt.Errorf("invalid apiVersion %q of %s: must be %s", version, kind, want)
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
		return nil, fmt.Errorf("invalid name %q of %s: %s", role.Name, kind, problems[0])
	}
	return role, nil
}

// documentMeta returns what of a role's own metadata is deployed; the labels by
// which it is found again take precedence.
func documentMeta(role *rbacv1.ClusterRole, labels map[string]string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Name: role.Name, Labels: maps.Clone(role.Labels), Annotations: maps.Clone(role.Annotations)}
	if meta.Labels == nil {
		meta.Labels = map[string]string{}
	}
	maps.Copy(meta.Labels, labels)
	delete(meta.Annotations, corev1.LastAppliedConfigAnnotation)
	return meta
}

// naming chooses names of Roles and RoleBindings in a namespace: no two
// Solutions, and no stranger, share one.
type naming struct {
	live *Live
	// taken are the names that this plan gives, with their Solution.
	taken map[Ref]string
}

// mayUse reports whether a Solution may have an object of that name.
func (n *naming) mayUse(r Ref, solution string) bool {
	if owner, found := n.taken[r.key()]; found && owner != solution {
		return false
	}
	live := n.live.Get(r)
	if live == nil {
		return true
	}
	claim := ClaimOf(live, solution)
	return claim == Ours || claim == Older && (r.Kind != roleKind || n.bindsOnly(r, solution))
}

// bindsOnly reports whether no other Solution binds a Role of older tooling,
// which does not carry the name of its Solution.
func (n *naming) bindsOnly(role Ref, solution string) bool {
	return !slices.ContainsFunc(n.live.All(), func(u *unstructured.Unstructured) bool {
		kind, name := roleRef(u)
		owner := u.GetLabels()[v1alpha1.PartOfLabel]
		return kind == roleKind && name == role.Name && u.GetNamespace() == role.Namespace && owner != "" && owner != solution
	})
}

// roleRef returns what a binding refers to, "" where u is none.
func roleRef(u *unstructured.Unstructured) (kind, name string) {
	kind, _, _ = unstructured.NestedString(u.Object, "roleRef", "kind")
	name, _, _ = unstructured.NestedString(u.Object, "roleRef", "name")
	return kind, name
}

func (n *naming) take(r Ref, solution string) { n.taken[r.key()] = solution }

// role returns the name of a Role: the document's where it is free.
func (n *naming) role(c component, name string) string {
	r := Ref{Group: rbacGroup, Version: "v1", Kind: roleKind, Namespace: c.namespace, Name: name}
	if !n.mayUse(r, c.solution) {
		r.Name = c.solution + ":" + name
	}
	n.take(r, c.solution)
	return r.Name
}

// binding returns the name of the RoleBinding to a role. What a binding refers
// to is immutable: where a binding of the name is taken, or refers to something
// else, the name ends in a digest.
func (n *naming) binding(c component, kind, document, refersTo string) string {
	r := Ref{Group: rbacGroup, Version: "v1", Kind: bindingKind, Namespace: c.namespace}
	full := c.name() + "-" + strings.ToLower(kind) + "-" + document
	sum := sha256.Sum256([]byte(kind + "/" + document + "/" + refersTo))
	suffix := "-" + hex.EncodeToString(sum[:4])
	digested := cut(full, maxBindingName-len(suffix)) + suffix
	fits := func(name string) (usable, exists bool) {
		r.Name = name
		if _, taken := n.taken[r.key()]; taken || !n.mayUse(r, c.solution) {
			return false, false
		}
		live := n.live.Get(r)
		if live == nil {
			return true, false
		}
		liveKind, liveName := roleRef(live)
		return liveKind == kind && liveName == refersTo, true
	}
	name := cut(full, maxBindingName)
	usable, _ := fits(name)
	if kept, exists := fits(digested); !usable || kept && exists {
		name = digested
	}
	r.Name = name
	n.take(r, c.solution)
	return name
}

// cut shortens a name. Whatever its last character is then, it is a legal name:
// names in RBAC are path segments, not DNS names.
func cut(name string, length int) string {
	if runes := []rune(name); len(runes) > length {
		return string(runes[:length])
	}
	return name
}

// roles returns the Roles of an Operator, and the RoleBindings that give it its
// Roles and ClusterRoles in its own namespace: what a ClusterRole allows is
// allowed there, and nowhere else.
func (n *naming) roles(c component, documents []map[string]any) ([]runtime.Object, []string, error) {
	decoded, err := decodeRoles(c.solution, documents)
	if err != nil {
		return nil, nil, err
	}
	var objects []runtime.Object
	var notes []string
	for _, role := range decoded {
		refersTo := VersionedRole(c.solution, c.version, role.Name)
		if role.Kind == roleKind {
			refersTo = n.role(c, role.Name)
			meta := documentMeta(role, c.labels())
			meta.Name, meta.Namespace = refersTo, c.namespace
			objects = append(objects, &rbacv1.Role{TypeMeta: role.TypeMeta, ObjectMeta: meta, Rules: role.Rules})
			if refersTo != role.Name {
				notes = append(notes, fmt.Sprintf("Role %s of Solution %s is deployed as %s in namespace %s: the name is taken", role.Name, c.solution, refersTo, c.namespace))
			}
		}
		objects = append(objects, &rbacv1.RoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: bindingKind},
			ObjectMeta: c.named(n.binding(c, role.Kind, role.Name, refersTo)),
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: c.name(), Namespace: c.namespace}},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: refersTo},
		})
	}
	return objects, notes, nil
}
