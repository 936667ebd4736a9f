// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// DeployerRole is the ClusterRole that lets an application team deploy what is
// imported into a namespace where it is bound.
const DeployerRole = "solutions:deployer"

// clusterRoles plans the ClusterRoles of imported versions, and DeployerRole.
func (in *SolutionsInput) clusterRoles(p *Plan, records map[string][]v1alpha1.SolutionRecord) error {
	wanted := map[string]bool{DeployerRole: true}
	deployer := newDeployer()
	for _, name := range sortedKeys(records) {
		for _, r := range records[name] {
			c := in.content(name, r.Version)
			if c == nil {
				continue // imported by older tooling, or unreadable
			}
			roles, err := decodeRoles(name, c.Roles)
			if err != nil {
				if in.isAbout(name) {
					p.Warnings = append(p.Warnings, fmt.Sprintf("%s cannot be deployed into an Environment: %v", c.ID, err))
				}
				continue
			}
			deployer.addVersion(c, roles)
			if !in.isAbout(name) {
				continue
			}
			for _, role := range roles {
				if role.Kind != clusterRoleKind {
					continue
				}
				if err := in.wantClusterRole(p, c, role, roles, r.Active, wanted); err != nil {
					return err
				}
			}
		}
	}
	u, err := convert(deployer.role())
	if err != nil {
		return err
	}
	p.want(Wanted{Object: u, Stage: StageRights, Owner: partOf}, in.Cluster.ClusterRoles, in.Options)
	in.dropClusterRoles(p, wanted)
	return nil
}

// wantClusterRole plans a ClusterRole of a version under the version's own
// name and, of the active version, under the document's name where it is free.
func (in *SolutionsInput) wantClusterRole(p *Plan, c *v1alpha1.Content, role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole, active bool, wanted map[string]bool) error {
	versioned := &rbacv1.ClusterRole{
		TypeMeta:   role.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{Name: VersionedRole(c.Name, c.Version, role.Name), Labels: clusterRoleLabels(c)},
		Rules:      aggregated(role, all),
	}
	if err := in.wantRole(p, c, versioned, wanted); err != nil || !active {
		return err
	}
	if owner := p.wantedBy(clusterRoleRef(role.Name)); owner != "" {
		p.Warnings = append(p.Warnings, fmt.Sprintf("ClusterRole %s is deployed for Solution %s; the Operator of %s is bound to %s", role.Name, owner, c.Name, versioned.Name))
		return nil
	}
	live := in.Cluster.ClusterRoles.Get(clusterRoleRef(role.Name))
	if live != nil && !in.mayUseClusterRole(live, c.Name) && !in.Options.adopts(RefOf(live)) {
		p.Warnings = append(p.Warnings, fmt.Sprintf("ClusterRole %s belongs to %s and stays as it is; the Operator of %s is bound to %s",
			role.Name, OwnerName(live), c.Name, versioned.Name))
		return nil
	}
	own := &rbacv1.ClusterRole{TypeMeta: role.TypeMeta, ObjectMeta: documentMeta(role, clusterRoleLabels(c)), Rules: role.Rules, AggregationRule: role.AggregationRule}
	own.Labels = in.keptLabels(p, c, role, own.Labels)
	if own.AggregationRule != nil {
		own.Rules = nil // the cluster fills them in
	}
	return in.wantRole(p, c, own, wanted)
}

// wantedBy returns the Solution for which the plan has an object already.
func (p *Plan) wantedBy(r Ref) string {
	i := slices.IndexFunc(p.Changes, func(c Change) bool { return c.Object.key() == r.key() })
	if i < 0 {
		return ""
	}
	return p.Changes[i].Scope.Solution
}

func (in *SolutionsInput) wantRole(p *Plan, c *v1alpha1.Content, role *rbacv1.ClusterRole, wanted map[string]bool) error {
	u, err := convert(role)
	if err != nil {
		return err
	}
	if role.AggregationRule != nil {
		delete(u.Object, "rules")
	}
	wanted[role.Name] = true
	p.want(Wanted{Object: u, Scope: Scope{Solution: c.Name}, Stage: StageRights, Owner: c.Name}, in.Cluster.ClusterRoles, in.Options)
	return nil
}

// mayUseClusterRole reports whether a live ClusterRole is a Solution's. One of
// older tooling, which carries no name of a Solution, is where nobody else binds
// it.
func (in *SolutionsInput) mayUseClusterRole(live *unstructured.Unstructured, solution string) bool {
	switch ClaimOf(live, solution) {
	case Ours:
		return true
	case Older:
		return !slices.ContainsFunc(in.Cluster.Bindings, func(b *unstructured.Unstructured) bool {
			kind, name := roleRef(b)
			return kind == clusterRoleKind && name == live.GetName() && b.GetLabels()[v1alpha1.PartOfLabel] != solution
		})
	}
	return false
}

// keptLabels returns the labels of a ClusterRole without those that would add
// its rules to roles of the cluster, unless all rules are about the archive's own
// kinds.
func (in *SolutionsInput) keptLabels(p *Plan, c *v1alpha1.Content, role *rbacv1.ClusterRole, all map[string]string) map[string]string {
	decoded, err := rights.Decode(map[string]any{
		"kind": clusterRoleKind, "apiVersion": rbacv1.SchemeGroupVersion.String(), "metadata": map[string]any{"name": role.Name},
	})
	if err == nil {
		for _, rule := range role.Rules {
			decoded.Rules = append(decoded.Rules, rights.Rule(rule))
		}
		if role.AggregationRule == nil && decoded.Foreign(v1alpha1.OwnGroups(c.CRDs)) == "" {
			return all
		}
	}
	kept := maps.Clone(all)
	selected := in.selectedLabels(c.Name, all)
	for _, key := range slices.Sorted(maps.Keys(role.Labels)) {
		if !strings.HasPrefix(key, rights.AggregationPrefix) && !selected[key] {
			continue
		}
		delete(kept, key)
		p.Warnings = append(p.Warnings, fmt.Sprintf("ClusterRole %s of %s is deployed without label %s: it would aggregate rights to other API groups than the Solution's own into roles of the cluster",
			role.Name, c.Name, key))
	}
	return kept
}

// selectedLabels returns the keys of labels by which roles of someone else
// aggregate a role with all of these.
func (in *SolutionsInput) selectedLabels(solution string, set labels.Set) map[string]bool {
	selected := map[string]bool{}
	for _, live := range in.Cluster.ClusterRoles.All() {
		if _, found := live.Object["aggregationRule"]; !found || ClaimOf(live, solution) != Foreign {
			continue
		}
		role, err := decodeRole(live.Object)
		if err != nil || role.AggregationRule == nil {
			continue
		}
		for _, s := range role.AggregationRule.ClusterRoleSelectors {
			selector, err := metav1.LabelSelectorAsSelector(&s)
			if err != nil || !selector.Matches(set) {
				continue
			}
			requirements, _ := selector.Requirements()
			for _, r := range requirements {
				selected[r.Key()] = true
			}
		}
	}
	return selected
}

func selects(rule *rbacv1.AggregationRule, set labels.Set) bool {
	return slices.ContainsFunc(rule.ClusterRoleSelectors, func(s metav1.LabelSelector) bool {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		return err == nil && !selector.Empty() && selector.Matches(set)
	})
}

// aggregated returns the rules of a ClusterRole: those of an aggregating one
// are the rules of the archive's own roles that it selects.
func aggregated(role *rbacv1.ClusterRole, all []*rbacv1.ClusterRole) []rbacv1.PolicyRule {
	if role.AggregationRule == nil {
		return role.Rules
	}
	var set ruleSet
	for _, other := range all {
		if other != role && other.Kind == clusterRoleKind && selects(role.AggregationRule, other.Labels) {
			set.add(other.Rules)
		}
	}
	return set.rules
}

// ruleSet holds rules, each once.
type ruleSet struct {
	rules []rbacv1.PolicyRule
	known map[string]bool // their JSON: there may be thousands
}

func (s *ruleSet) add(rules []rbacv1.PolicyRule) {
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, rule := range rules {
		text := compact(rule)
		if !s.known[text] {
			s.known[text] = true
			s.rules = append(s.rules, rule)
		}
	}
}

// dropClusterRoles removes the ClusterRoles of Solutions that no version has any
// more, unless something is bound to them.
func (in *SolutionsInput) dropClusterRoles(p *Plan, wanted map[string]bool) {
	for _, live := range in.obsoleteClusterRoles(wanted) {
		owner := live.GetLabels()[v1alpha1.PartOfLabel]
		scope := Scope{Solution: owner}
		if who := in.binders(live.GetName()); len(who) > 0 {
			p.change(Change{Action: Keep, Object: RefOf(live), Scope: scope, Stage: StageCleanup, Reason: "bound by " + enumerate(who, len(who))})
			continue
		}
		p.remove(live, owner, scope, "no longer wanted")
	}
}

func (in *SolutionsInput) obsoleteClusterRoles(wanted map[string]bool) []*unstructured.Unstructured {
	var obsolete []*unstructured.Unstructured
	for _, live := range in.Cluster.ClusterRoles.All() {
		set := live.GetLabels()
		owner := set[v1alpha1.PartOfLabel]
		if set[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager && owner != partOf && in.isAbout(owner) && !wanted[live.GetName()] {
			obsolete = append(obsolete, live)
		}
	}
	return obsolete
}

// NeedsBindings reports whether who binds ClusterRoles has to be known: before
// one is deleted, or taken over from older tooling.
func (in *SolutionsInput) NeedsBindings() bool {
	p := Plan{}
	probe := *in
	if err := probe.clusterRoles(&p, in.records()); err != nil {
		return false
	}
	return slices.ContainsFunc(p.Changes, func(c Change) bool {
		return c.Object.Kind == clusterRoleKind && (c.Action == Delete || c.Live != nil && ClaimOf(c.Live, c.Scope.Solution) == Older)
	})
}

// binders returns the bindings to a ClusterRole.
func (in *SolutionsInput) binders(name string) []string {
	var who []string
	for _, b := range in.Cluster.Bindings {
		if kind, refersTo := roleRef(b); kind == clusterRoleKind && refersTo == name {
			who = append(who, RefOf(b).Describe())
		}
	}
	return who
}

func clusterRoleRef(name string) Ref {
	return Ref{Group: rbacGroup, Version: "v1", Kind: clusterRoleKind, Name: name}
}

func clusterRoleLabels(c *v1alpha1.Content) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.FieldManager,
		v1alpha1.PartOfLabel:    c.Name,
		v1alpha1.VersionLabel:   v1alpha1.VersionLabelValue(c.Version),
	}
}

// deployer gathers the rules of DeployerRole. Kubernetes lets nobody grant what
// they do not hold: so it holds the rules of all Roles, and may bind the
// ClusterRoles.
type deployer struct {
	names []string
	ruleSet
}

func newDeployer() *deployer { return &deployer{} }

func (d *deployer) addVersion(c *v1alpha1.Content, roles []*rbacv1.ClusterRole) {
	for _, role := range roles {
		if role.Kind == clusterRoleKind {
			d.names = append(d.names, VersionedRole(c.Name, c.Version, role.Name))
			continue
		}
		d.add(role.Rules)
	}
}

func (d *deployer) role() *rbacv1.ClusterRole {
	rules := d.rules
	if len(d.names) > 0 {
		rules = append([]rbacv1.PolicyRule{{
			APIGroups: []string{rbacGroup}, Resources: []string{"clusterroles"}, Verbs: []string{"bind"}, ResourceNames: d.names,
		}}, rules...)
	}
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: clusterRoleKind},
		ObjectMeta: metav1.ObjectMeta{Name: DeployerRole, Labels: commonLabels()},
		Rules:      rules,
	}
}
