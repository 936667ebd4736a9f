// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"regexp"

	"gopkg.in/yaml.v3"
)

// addEntry returns text with the entry at the end of the collection of that
// name.
func addEntry(text []byte, name string, e entry) ([]byte, error) {
	s, err := newSource(text)
	if err != nil {
		return nil, err
	}
	c, ok := s.find(name)
	var splices []splice
	switch {
	case !ok && isFlow(s.root):
		like := s.root.Content[:1]
		splices, err = s.addFlow(s.root, scalar(name, like[0].Style)+": "+e.flow(e.text(like)))
	case !ok:
		splices, err = s.addField(name, e)
	case isNull(c.value):
		splices, err = c.fill(e)
	case c.value.Kind == yaml.AliasNode:
		err = errLayout
	case !isFlow(c.value):
		splices, err = c.addBlock(e)
	case len(c.value.Content) > 0:
		found := items(c.value)
		splices, err = s.addFlow(c.value, e.text(found[len(found)-1]))
	default:
		// [] and {} are how an empty collection has to be written, and no
		// sign that flow style is wanted: try the more readable one first.
		if splices, err = c.fill(e); err != nil {
			splices, err = s.addFlow(c.value, e.text([]*yaml.Node{c.key}))
		}
	}
	if err != nil {
		return nil, err
	}
	return s.apply(splices...), nil
}

// addField appends a collection with one entry to the document.
func (s *source) addField(name string, e entry) ([]splice, error) {
	indent := s.prefix(s.offset(s.root.Content[0]))
	if !isBlank(indent) {
		return nil, errLayout
	}
	lines := indent + name + ":" + s.newline + indent + "  " + e.dash() + e.text(nil)
	for _, start := range s.starts {
		// The end of the document, in a file that marks it.
		if bytes.HasPrefix(s.text[start:], []byte("...")) {
			return []splice{{start, start, lines + s.newline}}, nil
		}
	}
	end := len(s.text)
	switch {
	case s.prefix(end) == "":
		return []splice{{end, end, lines + s.newline}}, nil
	case !s.endsInBlockScalar():
		return []splice{{end, end, s.newline + lines}}, nil
	}
	// A line break would become a part of the last value.
	kind, _ := s.find("kind")
	end, err := s.end(kind.value)
	return []splice{s.newLine(end, lines)}, err
}

func (s *source) endsInBlockScalar() bool {
	last := s.root
	for len(last.Content) > 0 {
		last = last.Content[len(last.Content)-1]
	}
	return last.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// emptyPattern holds what a collection with no entries is written as.
var emptyPattern = regexp.MustCompile(`^[ \t]*(?:\[[ \t]*\]|\{[ \t]*\}|null|Null|NULL|~)?`)

// fill starts a block below the key of an empty collection.
func (c collection) fill(e entry) ([]splice, error) {
	at, err := c.colon(c.key)
	if err != nil || isFlow(c.root) {
		return nil, errLayout
	}
	indent := c.prefix(c.offset(c.key))
	end := at + len(emptyPattern.Find(c.text[at:c.lineEnd(at)]))
	if c.text[end-1] == ' ' || c.text[end-1] == '\t' {
		end = at
	}
	if !isBlank(indent) || !c.lineRest(end) {
		return nil, errLayout
	}
	return []splice{{at, end, ""}, c.newLine(end, indent+"  "+e.dash()+e.text(nil))}, nil
}
