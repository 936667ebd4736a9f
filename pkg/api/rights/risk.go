// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// RiskKind says why a right is dangerous.
type RiskKind string

// Kinds of Risk.
const (
	// RiskWildcard is a "*" in verbs, resources or apiGroups: the right grows
	// with whatever the cluster serves later.
	RiskWildcard RiskKind = "wildcard"
	// RiskEscalate is the verb escalate: roles may be written that allow more
	// than their author may do.
	RiskEscalate RiskKind = "escalate"
	// RiskBind is the verb bind: roles may be bound that allow more than whoever
	// binds them may do.
	RiskBind RiskKind = "bind"
	// RiskImpersonate is the verb impersonate.
	RiskImpersonate RiskKind = "impersonate"
	// RiskSecrets is access to Secrets, with any verb.
	RiskSecrets RiskKind = "secrets"
	// RiskAggregation is an aggregationRule: the role gets the rules of others.
	RiskAggregation RiskKind = "aggregation"
	// RiskEveryURL is a right to every non-resource URL.
	RiskEveryURL RiskKind = "every-url"
)

// Risk is a dangerous right of a role.
type Risk struct {
	// RoleKind is "Role" or "ClusterRole", and RoleName the name of the role.
	RoleKind, RoleName string
	Kind               RiskKind
	// Detail is the right, such as "get, list on secrets", and may say what
	// makes it dangerous. It is one line, and safe for a terminal.
	Detail string
}

// String returns `ClusterRole NAME: DETAIL`.
func (r Risk) String() string {
	return r.RoleKind + " " + printable(r.RoleName) + ": " + r.Detail
}

// Risks returns the dangerous rights of the role: those of a kind together, and
// always in the same order. A "*" is none in a rule that is about ownGroups
// only, the API groups that the archive's own CRDs define, sorted.
func (r *Role) Risks(ownGroups []string) []Risk {
	var risks []Risk
	add := func(kind RiskKind, detail string) {
		risks = append(risks, Risk{RoleKind: r.Kind, RoleName: r.Name, Kind: kind, Detail: detail})
	}
	rules := Merge(r.Rules)
	for _, kind := range ruleRisks {
		for _, rule := range rules {
			if kind.kind == RiskWildcard && rule.foreign(ownGroups) == "" {
				continue
			}
			if detail := kind.detail(rule); detail != "" {
				add(kind.kind, detail)
			}
		}
	}
	for _, selector := range r.Aggregation {
		detail := "aggregationRule: has the rules of every ClusterRole"
		if labels := selector.String(); labels != "" {
			detail += " with " + labels
		}
		add(RiskAggregation, detail)
	}
	return risks
}

// ruleRisks are the risks that one rule alone shows. The functions return ""
// where the rule has none of the kind.
var ruleRisks = []struct {
	kind   RiskKind
	detail func(Rule) string
}{
	{RiskWildcard, wildcardRisk},
	{RiskEscalate, verbRisk("escalate", "can write roles that allow more than it may do itself")},
	{RiskBind, verbRisk("bind", "can bind roles that allow more than it may do itself")},
	{RiskImpersonate, verbRisk("impersonate", "can act as someone else")},
	{RiskSecrets, secretsRisk},
	{RiskEveryURL, everyURLRisk},
}

func wildcardRisk(r Rule) string {
	everyVerb, everyGroup := slices.Contains(r.Verbs, wildcard), slices.Contains(r.APIGroups, wildcard)
	everyResource := slices.ContainsFunc(r.Resources, isEveryResource)
	if everyURLRisk(r) != "" || !everyVerb && !everyGroup && !everyResource {
		return ""
	}
	detail := r.verbs() + " on " + r.target()
	var included []string
	if everyVerb {
		included = r.includedVerbs()
	}
	if slices.Contains(r.Resources, wildcard) && r.inGroup("") && len(r.ResourceNames) == 0 {
		included = append(included, "access to Secrets")
	}
	if len(included) > 0 {
		detail += ", including " + strings.Join(included, ", ")
	}
	return detail
}

// includedVerbs returns the dangerous verbs that a "*" stands for on the rule's
// resources.
func (r Rule) includedVerbs() []string {
	var verbs []string
	if r.inGroup("rbac.authorization.k8s.io") && r.hasResource("roles", "clusterroles") {
		verbs = append(verbs, "escalate", "bind")
	}
	if r.inGroup("") && r.hasResource("users", "groups", "serviceaccounts") ||
		r.inGroup("authentication.k8s.io") && r.hasResource("uids") {
		verbs = append(verbs, "impersonate")
	}
	return verbs
}

func (r Rule) inGroup(group string) bool {
	return slices.Contains(r.APIGroups, group) || slices.Contains(r.APIGroups, wildcard)
}

func (r Rule) hasResource(resources ...string) bool {
	return slices.ContainsFunc(append(resources, wildcard), func(resource string) bool { return slices.Contains(r.Resources, resource) })
}

// verbRisk finds a verb that is dangerous wherever it applies. A "*" is a risk
// of its own, which names it where it counts.
func verbRisk(verb, why string) func(Rule) string {
	return func(r Rule) string {
		if !slices.Contains(r.Verbs, verb) {
			return ""
		}
		return fmt.Sprintf("%s on %s: %s", verb, r.target(), why)
	}
}

// secretsRisk finds Secrets that are named as such.
func secretsRisk(r Rule) string {
	if !slices.Contains(r.Resources, "secrets") || !r.inGroup("") {
		return ""
	}
	r.Resources, r.APIGroups = []string{"secrets"}, []string{""}
	return r.verbs() + " on " + r.target()
}

func everyURLRisk(r Rule) string {
	if !slices.ContainsFunc(r.NonResourceURLs, isEveryURL) {
		return ""
	}
	return r.verbs() + " on " + r.target()
}

// String writes a selector as the flag --selector of kubectl takes it, one that
// selects everything as "".
func (s Selector) String() string {
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		terms = append(terms, key+"="+s.MatchLabels[key])
	}
	for _, e := range s.MatchExpressions {
		switch e.Operator {
		case "Exists":
			terms = append(terms, e.Key)
		case "DoesNotExist":
			terms = append(terms, "!"+e.Key)
		default:
			terms = append(terms, fmt.Sprintf("%s %s (%s)", e.Key, strings.ToLower(e.Operator), list(e.Values)))
		}
	}
	return list(terms)
}
