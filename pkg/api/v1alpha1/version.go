// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"slices"
	"strings"
)

// CompareVersions orders versions as Semantic Versioning 2.0.0 (clause 11)
// does, for any string: components are numbers where they can be, a
// pre-release comes before its release, a missing component counts as 0.
// Versions that differ only in what has no precedence there (build metadata,
// leading zeros) are ordered by their text, so that the order is total and
// only equal strings are equal.
func CompareVersions(a, b string) int {
	av, bv := parseVersion(a), parseVersion(b)
	if c := compareComponents(av.release, bv.release, "0"); c != 0 {
		return c
	}
	switch {
	case av.pre == nil && bv.pre != nil:
		return 1
	case av.pre != nil && bv.pre == nil:
		return -1
	}
	if c := compareComponents(av.pre, bv.pre, ""); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// Latest returns the highest of versions, "" when there is none.
func Latest(versions []string) string {
	if len(versions) == 0 {
		return ""
	}
	return slices.MaxFunc(versions, CompareVersions)
}

type parsedVersion struct{ release, pre []string }

func parseVersion(s string) parsedVersion {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "+")
	release, pre, found := strings.Cut(s, "-")
	v := parsedVersion{release: strings.Split(release, ".")}
	if found {
		v.pre = strings.Split(pre, ".")
	}
	return v
}

// compareComponents compares component by component; a missing one counts as
// filler. With an empty filler, the shorter list comes first.
func compareComponents(a, b []string, filler string) int {
	at := func(list []string, i int) string {
		if i < len(list) {
			return list[i]
		}
		return filler
	}
	for i := range max(len(a), len(b)) {
		if filler == "" && (i >= len(a) || i >= len(b)) {
			return cmp.Compare(len(a), len(b))
		}
		if c := compareComponent(at(a, i), at(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

// compareComponent puts numbers, by value, before anything else, by text.
// Numbers of any length are compared, without a conversion that overflows.
func compareComponent(a, b string) int {
	an, bn := isNumber(a), isNumber(b)
	switch {
	case an && bn:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	case an:
		return -1
	case bn:
		return 1
	}
	return strings.Compare(a, b)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
