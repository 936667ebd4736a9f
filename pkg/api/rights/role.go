// SPDX-License-Identifier: Apache-2.0

package rights

import "fmt"

// Rule is a rule of a Role or ClusterRole. Its fields are those of
// rbacv1.PolicyRule, in the same order, so that each converts to the other:
// rights.Rule(policyRule).
type Rule struct {
	Verbs           []string
	APIGroups       []string
	Resources       []string
	ResourceNames   []string
	NonResourceURLs []string
}

// Role is what this package needs of a Role or ClusterRole.
type Role struct {
	// Kind is "Role" or "ClusterRole".
	Kind, Name          string
	Labels, Annotations map[string]string
	// Rules are nil only where the field is absent.
	Rules []Rule
	// Aggregation is nil without an aggregationRule, which only a ClusterRole
	// can have.
	Aggregation []Selector
	// Unknown are the paths of fields that Kubernetes does not know and an API
	// server drops. Those in metadata are left out.
	Unknown []string
}

// Selector is a label selector of an aggregationRule.
type Selector struct {
	MatchLabels      map[string]string
	MatchExpressions []Expression
}

// Expression is a requirement of a Selector.
type Expression struct {
	Key, Operator string
	Values        []string
}

const (
	kindRole        = "Role"
	kindClusterRole = "ClusterRole"
)

// Decode reads a Role or ClusterRole, given as JSON data. Errors name the field
// that an API server could not decode, and not the role.
func Decode(document map[string]any) (*Role, error) {
	d := decoder{}
	role := &Role{}
	role.Kind = d.text("kind", document["kind"])
	metadata := d.mapping("metadata", document["metadata"])
	role.Name = d.text("metadata.name", metadata["name"])
	role.Labels = d.textMap("metadata.labels", metadata["labels"])
	role.Annotations = d.textMap("metadata.annotations", metadata["annotations"])
	if document["rules"] != nil {
		role.Rules = []Rule{}
	}
	for i, item := range d.list("rules", document["rules"]) {
		role.Rules = append(role.Rules, d.rule(fmt.Sprintf("rules[%d]", i), item))
	}
	known := []string{"apiVersion", "kind", "metadata", "rules"}
	if role.Kind == kindClusterRole {
		known = append(known, "aggregationRule")
		role.Aggregation = d.aggregation("aggregationRule", document["aggregationRule"])
	}
	d.allow("", document, known...)
	role.Unknown = d.unknown
	if d.err != nil {
		return nil, d.err
	}
	return role, nil
}

func (d *decoder) rule(path string, v any) Rule {
	m := d.mapping(path, v)
	d.allow(path, m, "verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
	return Rule{
		Verbs:           d.texts(path+".verbs", m["verbs"]),
		APIGroups:       d.texts(path+".apiGroups", m["apiGroups"]),
		Resources:       d.texts(path+".resources", m["resources"]),
		ResourceNames:   d.texts(path+".resourceNames", m["resourceNames"]),
		NonResourceURLs: d.texts(path+".nonResourceURLs", m["nonResourceURLs"]),
	}
}

// aggregation returns nil only where there is no aggregationRule.
func (d *decoder) aggregation(path string, v any) []Selector {
	if v == nil {
		return nil
	}
	m := d.mapping(path, v)
	d.allow(path, m, "clusterRoleSelectors")
	selectors := []Selector{}
	for i, item := range d.list(path+".clusterRoleSelectors", m["clusterRoleSelectors"]) {
		at := fmt.Sprintf("%s.clusterRoleSelectors[%d]", path, i)
		selectors = append(selectors, d.selector(at, item))
	}
	return selectors
}

func (d *decoder) selector(path string, v any) Selector {
	m := d.mapping(path, v)
	d.allow(path, m, "matchLabels", "matchExpressions")
	selector := Selector{MatchLabels: d.textMap(path+".matchLabels", m["matchLabels"])}
	for i, item := range d.list(path+".matchExpressions", m["matchExpressions"]) {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		e := d.mapping(at, item)
		d.allow(at, e, "key", "operator", "values")
		selector.MatchExpressions = append(selector.MatchExpressions, Expression{
			Key: d.text(at+".key", e["key"]), Operator: d.text(at+".operator", e["operator"]), Values: d.texts(at+".values", e["values"]),
		})
	}
	return selector
}
