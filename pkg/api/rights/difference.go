// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"
)

// Gained returns the rights that after gives and before does not, for Describe.
// What is lost is Gained(after, before).
func Gained(before, after []Rule) []Rule {
	before = Merge(before)
	var gained []Rule
	left := maxUnits
	for _, rule := range Merge(after) {
		if left -= rule.units(); left < 0 {
			if !slices.ContainsFunc(before, func(b Rule) bool { return compareRules(b, rule) == 0 }) {
				gained = append(gained, rule)
			}
			continue
		}
		for _, unit := range rule.split() {
			unit.Verbs = slices.DeleteFunc(slices.Clone(unit.Verbs), func(verb string) bool {
				return slices.ContainsFunc(before, func(b Rule) bool { return b.covers(verb, unit) })
			})
			if len(unit.Verbs) > 0 {
				gained = append(gained, unit)
			}
		}
	}
	return Merge(gained)
}

// maxUnits bounds how many combinations of group, resource and name are looked
// at. The rules that are left then are compared as a whole.
const maxUnits = 10000

func (r Rule) units() int {
	return len(r.NonResourceURLs) + len(r.APIGroups)*len(r.Resources)*max(1, len(r.ResourceNames))
}

// split returns a rule for each single resource or URL, with all verbs.
func (r Rule) split() []Rule {
	var units []Rule
	for _, url := range r.NonResourceURLs {
		units = append(units, Rule{Verbs: r.Verbs, NonResourceURLs: []string{url}})
	}
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			unit := Rule{Verbs: r.Verbs, APIGroups: []string{group}, Resources: []string{resource}}
			if len(r.ResourceNames) == 0 {
				units = append(units, unit)
			}
			for _, name := range r.ResourceNames {
				unit.ResourceNames = []string{name}
				units = append(units, unit)
			}
		}
	}
	return units
}

// covers reports whether the rule allows verb on a unit, see split.
func (r Rule) covers(verb string, unit Rule) bool {
	if !contains(r.Verbs, verb) {
		return false
	}
	if len(unit.NonResourceURLs) > 0 {
		return slices.ContainsFunc(r.NonResourceURLs, func(pattern string) bool { return coversURL(pattern, unit.NonResourceURLs[0]) })
	}
	return contains(r.APIGroups, unit.APIGroups[0]) && r.coversResource(unit.Resources[0]) &&
		(len(r.ResourceNames) == 0 || len(unit.ResourceNames) > 0 && slices.Contains(r.ResourceNames, unit.ResourceNames[0]))
}

func contains(list []string, item string) bool {
	return slices.Contains(list, item) || slices.Contains(list, wildcard)
}

func (r Rule) coversResource(resource string) bool {
	if contains(r.Resources, resource) {
		return true
	}
	_, subresource, found := strings.Cut(resource, "/")
	return found && slices.Contains(r.Resources, wildcard+"/"+subresource)
}

// coversURL reports whether a pattern matches a URL, or all that another
// pattern matches.
func coversURL(pattern, url string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, wildcard)
	return pattern == url || isPrefix && strings.HasPrefix(url, prefix) || isEveryURL(pattern) && isEveryURL(url)
}
