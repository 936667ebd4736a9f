// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// NamespaceInput is what a plan for one namespace of an Environment is computed
// from.
type NamespaceInput struct {
	Namespace string
	// Targets are the Solutions that are to run there.
	Targets []Target
	// Running are the contents of the versions that run there now, by Solution,
	// as far as they are known.
	Running map[string]*v1alpha1.Content
	// Refused are the Solutions of which no Target can be made: what runs of them
	// is left as it is.
	Refused []Refusal
	// Removed are Solutions that are not to run there any more.
	Removed []string
	// Everything removes what is deployed for any Solution that is neither in
	// Targets nor in Refused.
	Everything bool
	// Live are the objects of WorkloadKinds in the namespace that carry a label of
	// this project or of the older tooling, and those that have the name of one
	// that is wanted.
	Live *Live
	// ClusterRoles are the names of those that exist; nil where the user may not
	// list them.
	ClusterRoles map[string]bool
	Options      Options
}

// Namespace returns the plan that makes a namespace hold what is wanted there.
func Namespace(in NamespaceInput) *Plan {
	p := &Plan{Refusals: slices.Clone(in.Refused)}
	n := &naming{live: in.Live, taken: map[Ref]string{}}
	wanted := map[Ref]bool{}
	covered := map[string]bool{}
	for _, t := range in.Targets {
		covered[t.Content.Name] = true
		list, notes, err := n.workload(t)
		if err != nil {
			p.refuse(t.scope(), Ref{}, err.Error(), "")
			continue
		}
		p.Warnings = append(p.Warnings, notes...)
		p.checkClusterRoles(t, in.ClusterRoles)
		for _, w := range list {
			wanted[RefOf(w.Object).key()] = true
			p.want(w, in.Live, in.Options)
		}
		p.rights(in.Namespace, in.Running[t.Content.Name], t.Content)
	}
	for _, r := range p.Refusals {
		covered[r.Scope.Solution] = false
	}
	for _, name := range in.Removed {
		covered[name] = true
		p.rights(in.Namespace, in.Running[name], nil)
	}
	p.prune(in, wanted, covered)
	p.Sort()
	return p
}

// WantedRefs returns the objects that the Targets need, as far as is known from
// what is live: of those among them that exist, all have to be in it before the
// plan is computed.
func WantedRefs(in *NamespaceInput) []Ref {
	n := &naming{live: in.Live, taken: map[Ref]string{}}
	var refs []Ref
	for _, t := range in.Targets {
		list, _, err := n.workload(t)
		if err != nil {
			continue // as the plan tells
		}
		for _, w := range list {
			refs = append(refs, RefOf(w.Object))
		}
	}
	return refs
}

// checkClusterRoles refuses a Target whose ClusterRoles a cluster administrator
// has yet to deploy: a binding to a role that does not exist gives no rights.
func (p *Plan) checkClusterRoles(t Target, existing map[string]bool) {
	if existing == nil {
		return
	}
	for _, document := range t.Content.Roles {
		u := &unstructured.Unstructured{Object: document}
		name := VersionedRole(t.Content.Name, t.Content.Version, u.GetName())
		if u.GetKind() == clusterRoleKind && !existing[name] {
			p.refuse(t.scope(), Ref{Group: rbacGroup, Version: "v1", Kind: clusterRoleKind, Name: name},
				fmt.Sprintf("ClusterRole %s not found", name), "have a cluster administrator run once: kubectl solution sync")
		}
	}
}

// prune removes what is deployed and not wanted any more.
//
// An object with a controller is left. Its controller deployed it (as Operators
// do that deploy their own UI, with the same labels), and would do so again.
func (p *Plan) prune(in NamespaceInput, wanted map[Ref]bool, covered map[string]bool) {
	for _, live := range in.Live.All() {
		if wanted[RefOf(live).key()] || metav1.GetControllerOf(live) != nil {
			continue
		}
		labels := live.GetLabels()
		owner, named := labels[v1alpha1.PartOfLabel]
		if !named {
			owner = onlyBinder(in.Live, live)
		}
		isCovered, known := covered[owner]
		if owner == "" || !isCovered && (known || !in.Everything) {
			continue
		}
		if labels[v1alpha1.ManagedByLabel] != v1alpha1.FieldManager && !isCovered {
			continue // older tooling's, of a Solution that nobody named
		}
		if labels[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager && labels[v1alpha1.ComponentLabel] == "" {
			continue // no part of a deployment
		}
		p.remove(live, owner, Scope{Solution: owner, Namespace: in.Namespace}, "no longer wanted")
	}
}

// onlyBinder returns the Solution whose binding refers to a Role that carries no
// name of a Solution, "" where it is none or several: older tooling labelled
// roles so.
func onlyBinder(live *Live, role *unstructured.Unstructured) string {
	if role.GetKind() != roleKind {
		return ""
	}
	binders := map[string]bool{}
	for _, u := range live.All() {
		if kind, name := roleRef(u); kind == roleKind && name == role.GetName() {
			binders[u.GetLabels()[v1alpha1.PartOfLabel]] = true
		}
	}
	if len(binders) != 1 {
		return ""
	}
	return slices.Collect(maps.Keys(binders))[0]
}

// rights notes what an Operator gains and loses.
func (p *Plan) rights(namespace string, before, after *v1alpha1.Content) {
	c := RightsChange{Namespace: namespace}
	for _, content := range []*v1alpha1.Content{before, after} {
		if content != nil {
			c.Solution = content.Name
		}
	}
	had, has := rules(before), rules(after)
	c.Gains = rights.Describe(rights.Gained(had, has))
	c.Loses = rights.Describe(rights.Gained(has, had))
	if len(c.Gains) > 0 {
		c.Dangerous = risks(after)
	}
	if len(c.Gains)+len(c.Loses) > 0 {
		p.Rights = append(p.Rights, c)
	}
}

// rules returns the rules of all roles of a version.
func rules(c *v1alpha1.Content) []rights.Rule {
	var all []rights.Rule
	for _, role := range decodedRights(c) {
		all = append(all, role.Rules...)
	}
	return all
}

func risks(c *v1alpha1.Content) []string {
	var texts []string
	for _, role := range decodedRights(c) {
		for _, risk := range role.Risks(v1alpha1.OwnGroups(c.CRDs)) {
			texts = append(texts, risk.String())
		}
	}
	return texts
}

func decodedRights(c *v1alpha1.Content) []*rights.Role {
	if c == nil {
		return nil
	}
	var roles []*rights.Role
	for _, document := range c.Roles {
		if role, err := rights.Decode(document); err == nil {
			roles = append(roles, role)
		}
	}
	return roles
}
