// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"
)

// AggregationPrefix starts the labels by which Kubernetes adds the rules of a
// ClusterRole to its own roles admin, edit and view.
const AggregationPrefix = "rbac.authorization.k8s.io/aggregate-to-"

// KeptAggregationLabels splits the labels of a role into those that are
// deployed with it, and those that are dropped: of a ClusterRole whose rules
// are not all about ownGroups, the labels that start with AggregationPrefix.
// ownGroups are the API groups that the archive's own CRDs define, sorted.
func KeptAggregationLabels(role *Role, ownGroups []string) (kept, dropped map[string]string) {
	kept, dropped = map[string]string{}, map[string]string{}
	drop := role.Kind == kindClusterRole && role.Foreign(ownGroups) != ""
	for key, value := range role.Labels {
		if drop && strings.HasPrefix(key, AggregationPrefix) {
			dropped[key] = value
		} else {
			kept[key] = value
		}
	}
	return kept, dropped
}

// Foreign returns what the role's rules are about besides ownGroups, which are
// sorted: "a rule is about API group apps" for example, and "" if they are about
// nothing else.
func (r *Role) Foreign(ownGroups []string) string {
	if r.Aggregation != nil {
		// The cluster fills the rules in, whatever they are.
		return "it has an aggregationRule"
	}
	for _, rule := range r.Rules {
		if foreign := rule.foreign(ownGroups); foreign != "" {
			return "a rule is about " + foreign
		}
	}
	return ""
}

func (r Rule) foreign(ownGroups []string) string {
	if len(r.NonResourceURLs) > 0 {
		return "URL " + list(r.NonResourceURLs)
	}
	for _, group := range r.APIGroups {
		switch {
		case group == "":
			return `the core API group ("")`
		case group == wildcard:
			return "every API group (*)"
		}
		if _, own := slices.BinarySearch(ownGroups, group); !own {
			return "API group " + printable(group)
		}
	}
	return ""
}
