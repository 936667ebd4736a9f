// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Problems returns why an API server would refuse the role, empty if it takes
// it. Its name is not looked at.
func (r *Role) Problems() []string {
	var problems []string
	for i, rule := range r.Rules {
		if problem := rule.problem(r.Kind); problem != "" {
			problems = append(problems, fmt.Sprintf("rules[%d] %s", i, problem))
		}
	}
	if r.Rules == nil && r.Aggregation == nil && len(r.Unknown) > 0 {
		problems = append(problems, "has no rules; unknown field: "+list(r.Unknown))
	}
	if r.Aggregation != nil && len(r.Aggregation) == 0 {
		problems = append(problems, "aggregationRule has no clusterRoleSelectors")
	}
	for i, selector := range r.Aggregation {
		for _, problem := range selector.problems() {
			problems = append(problems, fmt.Sprintf("aggregationRule.clusterRoleSelectors[%d]: %s", i, problem))
		}
	}
	problems = append(problems, labelProblems("label", r.Labels)...)
	for _, key := range slices.Sorted(maps.Keys(r.Annotations)) {
		// An API server takes upper case in the prefix of an annotation.
		for _, problem := range validation.IsQualifiedName(strings.ToLower(key)) {
			problems = append(problems, fmt.Sprintf("annotation %.100q: %s", key, problem))
		}
	}
	return problems
}

func (r Rule) problem(kind string) string {
	switch {
	case len(r.Verbs) == 0:
		return "has no verbs"
	case len(r.NonResourceURLs) > 0 && kind == kindRole:
		return "has nonResourceURLs, which only a ClusterRole can have"
	case len(r.NonResourceURLs) > 0 && len(r.APIGroups)+len(r.Resources)+len(r.ResourceNames) > 0:
		return "has both resources and nonResourceURLs"
	case len(r.NonResourceURLs) > 0:
		return ""
	case len(r.APIGroups) == 0:
		return `has no apiGroups (the core group is "")`
	case len(r.Resources) == 0:
		return "has no resources"
	}
	return ""
}

func (s Selector) problems() []string {
	problems := labelProblems("matchLabels", s.MatchLabels)
	for _, e := range s.MatchExpressions {
		problems = append(problems, keyProblems("matchExpressions", e.Key)...)
		needsValues := e.Operator == "In" || e.Operator == "NotIn"
		switch {
		case !needsValues && e.Operator != "Exists" && e.Operator != "DoesNotExist":
			problems = append(problems, fmt.Sprintf("invalid operator %.60q", e.Operator))
		case needsValues != (len(e.Values) > 0):
			problems = append(problems, fmt.Sprintf("operator %s with %d values", e.Operator, len(e.Values)))
		}
	}
	return problems
}

func labelProblems(what string, labels map[string]string) []string {
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		problems = append(problems, keyProblems(what, key)...)
		for _, problem := range validation.IsValidLabelValue(labels[key]) {
			problems = append(problems, fmt.Sprintf("%s %.100q: value %.100q: %s", what, key, labels[key], problem))
		}
	}
	return problems
}

func keyProblems(what, key string) []string {
	var problems []string
	for _, problem := range validation.IsQualifiedName(key) {
		problems = append(problems, fmt.Sprintf("%s %.100q: %s", what, key, problem))
	}
	return problems
}
