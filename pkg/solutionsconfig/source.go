// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// errLayout says that the text is laid out in a way that is not edited.
var errLayout = errors.New("its layout is not one that is edited in place")

// byteOrderMark may start a file that was edited on Windows.
const byteOrderMark = "\ufeff"

// source is a YAML document with its text, to edit the text where the nodes are.
type source struct {
	text []byte
	root *yaml.Node
	// starts are the offsets of the lines.
	starts []int
	// newline ends the lines: "\n" or "\r\n".
	newline string
}

func newSource(text []byte) (*source, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errLayout
	}
	s := &source{text: text, root: doc.Content[0], newline: "\n", starts: []int{0}}
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		s.starts[0] = len(byteOrderMark)
	}
	for at := 0; at < len(text); {
		n := breakLen(text[at:])
		if n == 0 {
			at++
			continue
		}
		if len(s.starts) == 1 && n == 2 && text[at] == '\r' {
			s.newline = "\r\n"
		}
		at += n
		s.starts = append(s.starts, at)
	}
	return s, nil
}

// breakLen returns the length of the line break at the start of text, 0 for
// none. YAML 1.1, and so the parser that counts the lines, knows five of them
// (YAML 1.1, 5.4 "Line Break Characters").
func breakLen(text []byte) int {
	for _, br := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(text, []byte(br)) {
			return len(br)
		}
	}
	return 0
}

// offset returns where a node starts; columns count characters, from 1.
func (s *source) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.starts) {
		return len(s.text)
	}
	at := s.starts[n.Line-1]
	for column := 1; column < n.Column && at < len(s.text); column++ {
		_, size := utf8.DecodeRune(s.text[at:])
		at += size
	}
	return at
}

// start returns where the scalar or alias n starts, after its anchor and tag.
func (s *source) start(n *yaml.Node) int {
	at := s.offset(n)
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		for at < len(s.text) && !strings.ContainsRune(" \t\r\n", rune(s.text[at])) {
			at++
		}
		at = s.skipBlank(at)
	}
	return at
}

// end returns where the scalar or alias n ends.
func (s *source) end(n *yaml.Node) (int, error) {
	at := s.start(n)
	switch {
	case n.Kind == yaml.AliasNode:
		return s.after(at, "*"+n.Value)
	case n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, errLayout
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return quotedEnd(s.text, at)
	}
	// A plain scalar on one line is its value, for it has no escapes.
	return s.after(at, n.Value)
}

// after returns the offset after token, if that is at the given offset.
func (s *source) after(at int, token string) (int, error) {
	if !bytes.HasPrefix(s.text[at:], []byte(token)) {
		return 0, errLayout
	}
	return at + len(token), nil
}

// quotedEnd returns the offset after the quoted scalar that starts at an offset.
func quotedEnd(text []byte, at int) (int, error) {
	if at >= len(text) || (text[at] != '"' && text[at] != '\'') {
		return 0, errLayout
	}
	quote := text[at]
	for at++; at < len(text); at++ {
		switch {
		case quote == '"' && text[at] == '\\', quote == '\'' && bytes.HasPrefix(text[at:], []byte("''")):
			at++
		case text[at] == quote:
			return at + 1, nil
		}
	}
	return 0, errLayout
}

// colon returns the offset after the colon that follows a key.
func (s *source) colon(key *yaml.Node) (int, error) {
	at, err := s.end(key)
	if err != nil {
		return 0, err
	}
	return s.after(s.skipBlank(at), ":")
}

// skipBlank returns the first offset that holds neither space nor tab.
func (s *source) skipBlank(at int) int {
	for at < len(s.text) && (s.text[at] == ' ' || s.text[at] == '\t') {
		at++
	}
	return at
}

// lineStart returns the start of the line at an offset.
func (s *source) lineStart(at int) int {
	i, found := slices.BinarySearch(s.starts, at)
	if !found {
		i = max(i-1, 0)
	}
	return s.starts[i]
}

// lineEnd returns the end of the line at an offset, before its line break.
func (s *source) lineEnd(at int) int {
	for at < len(s.text) && breakLen(s.text[at:]) == 0 {
		at++
	}
	return at
}

// prefix returns what is before an offset in its line.
func (s *source) prefix(at int) string { return string(s.text[s.lineStart(at):at]) }

// lineRest tells whether only blanks and a comment follow an offset in its line.
func (s *source) lineRest(at int) bool {
	next := s.skipBlank(at)
	return next == s.lineEnd(at) || (s.text[next] == '#' && next > at)
}

// isBlank tells whether text is spaces only, which is what YAML indents with.
func isBlank(text string) bool { return strings.Trim(text, " ") == "" }

// splice replaces the text between two offsets.
type splice struct {
	from, to int
	with     string
}

// apply returns the text with the splices, which must not overlap, applied.
func (s *source) apply(splices ...splice) []byte {
	slices.SortStableFunc(splices, func(a, b splice) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, p := range splices {
		out = append(append(out, s.text[at:max(at, p.from)]...), p.with...)
		at = max(at, p.to)
	}
	return append(out, s.text[at:]...)
}

// newLine returns the splice that puts a line below the one at an offset.
func (s *source) newLine(at int, line string) splice {
	end := s.lineEnd(at)
	return splice{end, end, s.newline + line}
}

// dropLines returns the splice that removes the lines between two offsets; a
// file that ended without a line break still does.
func (s *source) dropLines(from, to int) splice {
	from, to = s.lineStart(from), s.lineEnd(to)
	if to < len(s.text) {
		return splice{from, to + breakLen(s.text[to:]), ""}
	}
	if i := slices.Index(s.starts, from); i > 0 {
		from = s.lineEnd(s.starts[i-1])
	}
	return splice{from, to, ""}
}
