// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// wildcard stands for everything in a list of a rule.
const wildcard = "*"

// Describe returns what rules allow, a line for each set of verbs:
//
//	get, list, watch: pods; deployments, statefulsets of apps
//
// A resource without a group is one of the core group. Equal rights give equal
// lines, in whatever order they are written. Lines are safe for a terminal.
func Describe(rules []Rule) []string {
	var lines []string
	targets := map[string][]string{}
	for _, rule := range Merge(rules) {
		verbs := rule.verbs()
		if targets[verbs] == nil {
			lines = append(lines, verbs)
		}
		targets[verbs] = append(targets[verbs], rule.target())
	}
	for i, verbs := range lines {
		lines[i] = verbs + ": " + strings.Join(targets[verbs], "; ")
	}
	return lines
}

// Merge joins rules that differ in their resources or URLs only. The result has
// no repetitions and is sorted, and allows the same.
func Merge(rules []Rule) []Rule {
	merged := map[string]Rule{}
	for _, rule := range rules {
		rule = rule.sorted()
		key := fmt.Sprintf("%q %q %q %t", rule.Verbs, rule.APIGroups, rule.ResourceNames, len(rule.NonResourceURLs) > 0)
		if other, found := merged[key]; found {
			// The longer list is appended to: an archive can hold many rules.
			rule.Resources = append(other.Resources, rule.Resources...)
			rule.NonResourceURLs = append(other.NonResourceURLs, rule.NonResourceURLs...)
		}
		merged[key] = rule
	}
	var list []Rule
	for _, rule := range merged {
		list = append(list, rule.sorted())
	}
	slices.SortFunc(list, compareRules)
	return list
}

// usualVerbs are in the order in which people name them.
var usualVerbs = []string{wildcard, "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

func compareVerbs(a, b string) int {
	rank := func(verb string) int {
		if i := slices.Index(usualVerbs, verb); i >= 0 {
			return i
		}
		return len(usualVerbs)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
}

func compareRules(a, b Rule) int {
	return cmp.Or(slices.CompareFunc(a.Verbs, b.Verbs, compareVerbs), slices.Compare(a.APIGroups, b.APIGroups),
		slices.Compare(a.ResourceNames, b.ResourceNames), slices.Compare(a.Resources, b.Resources),
		slices.Compare(a.NonResourceURLs, b.NonResourceURLs))
}

// sorted returns a copy with every list sorted and without repetitions.
func (r Rule) sorted() Rule {
	verbs := slices.Compact(slices.SortedFunc(slices.Values(r.Verbs), compareVerbs))
	set := func(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
	return Rule{verbs, set(r.APIGroups), set(r.Resources), set(r.ResourceNames), set(r.NonResourceURLs)}
}

// verbs returns "get, list", or "every verb (*)".
func (r Rule) verbs() string {
	if slices.Contains(r.Verbs, wildcard) {
		return "every verb (*)"
	}
	return list(r.Verbs)
}

// target returns what the verbs apply to, such as "deployments of apps".
func (r Rule) target() string {
	if len(r.NonResourceURLs) > 0 {
		if slices.ContainsFunc(r.NonResourceURLs, isEveryURL) {
			return "every URL (*)"
		}
		return "URL " + list(r.NonResourceURLs)
	}
	text := list(r.Resources)
	switch {
	case len(r.Resources) == 0:
		return "no resources"
	case slices.Contains(r.Resources, wildcard):
		text = "every resource (*)"
	}
	switch {
	case slices.Contains(r.APIGroups, wildcard):
		text += " of every API group (*)"
	case !slices.Equal(r.APIGroups, []string{""}) || slices.ContainsFunc(r.Resources, isEveryResource):
		text += " of " + groupNames(r.APIGroups)
	}
	if len(r.ResourceNames) > 0 {
		text += " named " + list(r.ResourceNames)
	}
	return text
}

// isEveryResource reports whether a resource is "*", or a subresource of every
// resource, such as "*/status".
func isEveryResource(resource string) bool {
	return resource == wildcard || strings.HasPrefix(resource, wildcard+"/")
}

// isEveryURL reports whether a pattern matches every path.
func isEveryURL(pattern string) bool { return pattern == wildcard || pattern == "/*" }

func groupNames(groups []string) string {
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = cmp.Or(group, "core")
	}
	return list(names)
}

// maxListed bounds how much of a list is named.
const maxListed = 20

// list names items, which come from an archive: it quotes those that would not
// show, or act on a terminal.
func list(items []string) string {
	named := make([]string, min(len(items), maxListed))
	for i := range named {
		named[i] = printable(items[i])
	}
	text := strings.Join(named, ", ")
	if more := len(items) - len(named); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// maxName is the length of the longest name in Kubernetes.
const maxName = 253

func printable(s string) string {
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return fmt.Sprintf("%.253q", s)
	}
	return s
}
