// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestCompareVersions(t *testing.T) {
	ordered := map[string][]string{
		"clause 11.2":            {"1.0.0", "2.0.0", "2.1.0", "2.1.1"},
		"clause 11.3":            {"1.0.0-alpha", "1.0.0"},
		"clause 11.4":            {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"},
		"numbers are no text":    {"1.9.0", "1.10.0", "1.100.0"},
		"pre-release of a later": {"1.9.9", "2.0.0-dev", "2.0.0"},
		"case counts":            {"1.0.0-RC", "1.0.0-alpha", "1.0.0-rc"},
		"numbers before text":    {"1.0.0-999", "1.0.0-a", "1.0.0-a1"},
		"dashes in pre-releases": {"1.0.0-a", "1.0.0-a.b", "1.0.0-a-b", "1.0.0"},
		"build metadata":         {"1.0.0-rc.1+b3", "1.0.0", "1.0.0+a", "1.0.0+b", "1.0.1"},
		"dash in build metadata": {"1.0.0-a", "1.0.0+x-y", "1.0.1-a"},
		"fewer components":       {"1-a", "1", "1.0", "1.0.0", "1.0.1", "1.1", "2"},
		"more components":        {"1.2.3", "1.2.3.1", "1.2.3.10", "1.2.4"},
		"leading zeros":          {"1.01.0", "1.1.0", "1.02.0", "1.2.0"},
		"numbers without limit":  {"1.99999999999999999999", "1.100000000000000000000", "1.100000000000000000001"},
		"letters":                {"1.0.0", "1.0.1", "1.0.0a", "1.0.0b"},
		"a leading v":            {"1.0.0", "v1.0.0", "1.0.1", "v1.0.1"},
		"tilde":                  {"1.0.0", "1.0.1", "1.0.0~beta1"},
	}
	for name, list := range ordered {
		for i, a := range list {
			for j, b := range list {
				if got := CompareVersions(a, b); got != cmp.Compare(i, j) {
					t.Errorf("%s: CompareVersions(%q, %q) = %d, want %d", name, a, b, got, cmp.Compare(i, j))
				}
			}
		}
	}
}

// versionPool is many strings of what versions are made of, and much that is
// no version.
func versionPool() []string {
	pool := []string{"", "v", "-", "+", ".", "0", "00", "v0", "-0", "0-", "0-.", "0+", "1.", ".1", "1..0", "é", "\xff", "latest", "1.0.0~b"}
	parts := []string{"0", "1", "2", "9", "10", "01", "007", "a", "A", "rc", "v", ".", ".", ".", "-", "-", "+", "~", "_", "99999999999999999999"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		pool = append(pool, b.String())
	}
	slices.Sort(pool)
	return slices.Compact(pool)
}

// The order is total and strict: each pair is in one order, and only what is
// identical is equal.
func TestCompareVersionsIsAnOrder(t *testing.T) {
	pool := versionPool()
	n := len(pool)
	less := make([][]bool, n)
	for i, a := range pool {
		less[i] = make([]bool, n)
		for j, b := range pool {
			got, back := CompareVersions(a, b), CompareVersions(b, a)
			if got != -back || (got == 0) != (a == b) {
				t.Errorf("%q, %q: %d, and the other way round %d", a, b, got, back)
			}
			less[i][j] = got < 0
		}
	}
	for i := range n {
		for j := range n {
			for k := range n {
				if less[i][j] && less[j][k] && !less[i][k] {
					t.Fatalf("%q < %q < %q, and not %q < %q", pool[i], pool[j], pool[k], pool[i], pool[k])
				}
			}
		}
	}
	t.Logf("%d strings, %d triples", n, n*n*n)
}

func TestLatest(t *testing.T) {
	for want, versions := range map[string][]string{
		"":             nil,
		"1.0.0":        {"1.0.0"},
		"1.10.0":       {"1.9.0", "1.10.0", "1.10.0-rc.1"},
		"2.0.0-dev":    {"1.9.0", "2.0.0-dev"},
		"1.0.0+build2": {"1.0.0+build2", "1.0.0", "1.0.0+build1"},
	} {
		for range 3 {
			if got := Latest(versions); got != want {
				t.Errorf("Latest(%q) = %q, want %q", versions, got, want)
			}
			slices.Reverse(versions)
		}
	}
}

func TestSortRecords(t *testing.T) {
	records := []SolutionRecord{{Version: "1.10.0"}, {Version: "1.9.0", Active: true}, {Version: "1.10.0-rc.1"}}
	SortRecords(records)
	if records[0].Version != "1.9.0" || !records[0].Active || records[1].Version != "1.10.0-rc.1" || records[2].Version != "1.10.0" {
		t.Errorf("%+v", records)
	}
}
