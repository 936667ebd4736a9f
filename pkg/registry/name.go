// SPDX-License-Identifier: Apache-2.0

package registry

import "strings"

// isName knows names of repositories, by the grammar of the OCI distribution
// specification ("Pulling manifests"):
//
//	[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
//
// Every request has one: this takes a tenth of the time of a regular expression.
func isName(s string) bool {
	for {
		i := letters(s)
		if i == 0 {
			return false
		}
		if s = s[i:]; s == "" {
			return true
		}
		s = s[separator(s):]
	}
}

// letters is how many of them, or digits, s starts with.
func letters(s string) int {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// separator is how long the one that s starts with is.
func separator(s string) int {
	switch {
	case strings.HasPrefix(s, "__"):
		return 2
	case s[0] == '.' || s[0] == '_' || s[0] == '/':
		return 1
	}
	return len(s) - len(strings.TrimLeft(s, "-"))
}

// isTag knows tags, by the grammar of the same place:
//
//	[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
func isTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
