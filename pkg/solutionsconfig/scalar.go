// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// plainPattern holds words that are safe without quotes in block and in flow
// style, if they are no number, date, boolean or null.
var plainPattern = regexp.MustCompile(`^[A-Za-z0-9/._][A-Za-z0-9/._+~@=-]*$`)

// booleanPattern holds the words that are booleans to parsers of YAML 1.1, which
// other tools that read this file are (https://yaml.org/type/bool.html).
var booleanPattern = regexp.MustCompile(`^(?i:y|yes|n|no|on|off|true|false)$`)

// isPlain tells whether a word can be written without quotes and is read, by
// any parser, as the string that it is.
func isPlain(word string) bool {
	if !plainPattern.MatchString(word) || booleanPattern.MatchString(word) {
		return false
	}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(word), &n); err != nil || len(n.Content) != 1 {
		return false
	}
	return n.Content[0].Kind == yaml.ScalarNode && n.Content[0].Tag == "!!str" && n.Content[0].Value == word
}

// scalar returns a word as YAML, quoted as the style says where that is one of
// quoting, else where it needs to be.
func scalar(word string, style yaml.Style) string {
	printable := strings.IndexFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	switch {
	case style&yaml.SingleQuotedStyle != 0 && printable:
		return "'" + strings.ReplaceAll(word, "'", "''") + "'"
	case style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && isPlain(word):
		return word
	}
	// Go's escapes are all YAML's too (YAML 1.2, 5.7), in valid UTF-8.
	return strconv.Quote(word)
}

// entry is an archive, or with its key an active version.
type entry struct{ key, value string }

// text returns the entry as YAML, quoted as the nodes of another one are.
func (e entry) text(like []*yaml.Node) string {
	var key, value yaml.Style
	if len(like) > 0 {
		key, value = like[0].Style, like[len(like)-1].Style
	}
	if e.key == "" {
		return scalar(e.value, value)
	}
	return scalar(e.key, key) + ": " + scalar(e.value, value)
}

// flow returns, in flow style, the kind of collection that holds the entry,
// with text in it.
func (e entry) flow(text string) string {
	if e.key == "" {
		return "[" + text + "]"
	}
	return "{" + text + "}"
}

// dash returns what stands before the entry in block style.
func (e entry) dash() string {
	if e.key == "" {
		return "- "
	}
	return ""
}
