// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The grammars as the specification writes them.
var (
	namePattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// Names and tags are what the specification's regular expressions match.
func TestGrammars(t *testing.T) {
	const alphabet = "ab0._-/AZ%é\n"
	random := rand.New(rand.NewPCG(1, 2))
	names, tags := 0, 0
	check := func(s string) {
		if got, want := isName(s), namePattern.MatchString(s); got != want {
			t.Errorf("isName(%q) = %t", s, got)
		} else if got {
			names++
		}
		if got, want := isTag(s), tagPattern.MatchString(s); got != want {
			t.Errorf("isTag(%q) = %t", s, got)
		} else if got {
			tags++
		}
	}
	for range 300_000 {
		b := make([]byte, random.IntN(8))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		check(string(b))
	}
	for _, n := range []int{127, 128, 129, 300} {
		check(strings.Repeat("a", n))
	}
	if names < 1000 || tags < 1000 {
		t.Errorf("%d names, %d tags", names, tags)
	}
}
