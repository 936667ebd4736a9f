// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"strings"

	"gopkg.in/yaml.v3"
)

// flowSpan is where a flow collection is.
type flowSpan struct {
	// open and end are the offsets of its brackets.
	open, end int
	// last is the offset after the last thing within, or after the opening
	// bracket where there is none. Comments do not count.
	last int
}

// flowSpan finds the brackets of a flow collection.
func (s *source) flowSpan(n *yaml.Node) (flowSpan, error) {
	span := flowSpan{open: s.start(n)}
	depth := 0
	for at := span.open; at < len(s.text); at++ {
		switch char := s.text[at]; {
		case char == ' ' || char == '\t' || breakLen(s.text[at:]) > 0:
			continue
		case char == '#' && strings.IndexByte(" \t\r\n", s.text[at-1]) >= 0:
			at = s.lineEnd(at) - 1
			continue
		case (char == '"' || char == '\'') && strings.IndexByte("[{,: \t\r\n", s.text[at-1]) >= 0:
			end, err := quotedEnd(s.text, at)
			if err != nil {
				return span, err
			}
			at = end - 1
		case char == '[' || char == '{':
			depth++
		case char == ']' || char == '}':
			depth--
		}
		if depth == 0 {
			span.end = at
			return span, nil
		}
		span.last = at + 1
	}
	return span, errLayout
}

// addFlow puts an entry before the closing bracket: on a line of its own if
// that is how the others are.
func (s *source) addFlow(n *yaml.Node, text string) ([]splice, error) {
	span, err := s.flowSpan(n)
	if err != nil || len(n.Content) == 0 {
		return []splice{{span.last, span.last, text}}, err
	}
	comma := s.text[span.last-1] == ','
	found := items(n)
	start := s.offset(found[len(found)-1][0])
	ownLine := isBlank(s.prefix(start)) && s.lineRest(span.last)
	switch {
	case ownLine && comma:
		return []splice{s.newLine(span.last, s.prefix(start)+text+",")}, nil
	case ownLine:
		return []splice{{span.last, span.last, ","}, s.newLine(span.last, s.prefix(start)+text)}, nil
	case comma:
		return []splice{{span.last, span.last, " " + text + ","}}, nil
	}
	return []splice{{span.last, span.last, ", " + text}}, nil
}

// removeFlow removes entry i and the comma that it no longer needs, and its
// line where it has one of its own.
func (c collection) removeFlow(i int) ([]splice, error) {
	span, err := c.flowSpan(c.value)
	if err != nil {
		return nil, err
	}
	found := items(c.value)
	if len(found) == 1 && c.lineEnd(span.open) > span.end {
		return []splice{{span.open + 1, span.end, ""}}, nil
	}
	start := c.offset(found[i][0])
	end, err := c.end(found[i][len(found[i])-1])
	if err != nil {
		return nil, err
	}
	comma := false
	if at := c.skipBlank(end); c.text[at] == ',' {
		end, comma = at+1, true
	}
	if isBlank(c.prefix(start)) && c.lineRest(end) {
		return c.removeFlowLine(found, i, c.dropLines(start, end), comma)
	}
	return []splice{c.removeInline(start, end, comma)}, nil
}

// removeFlowLine removes a line, and if no comma ended it that which ended the
// entry before it: in JSON, which is flow style too, a last one is an error.
func (c collection) removeFlowLine(found [][]*yaml.Node, i int, line splice, comma bool) ([]splice, error) {
	if comma || i == 0 {
		return []splice{line}, nil
	}
	before, err := c.end(found[i-1][len(found[i-1])-1])
	if err != nil {
		return nil, err
	}
	at := c.skipBlank(before)
	if c.text[at] != ',' {
		return nil, errLayout
	}
	return []splice{{before, at + 1, ""}, line}, nil
}

// removeInline removes an entry from within a line; end is after its comma, if
// it has one.
func (c collection) removeInline(start, end int, comma bool) splice {
	if comma {
		if next := c.skipBlank(end); next < c.lineEnd(end) && c.text[next] != '#' {
			return splice{start, next, ""}
		}
		return splice{len(bytes.TrimRight(c.text[:start], " \t")), end, ""}
	}
	before := bytes.TrimRight(c.text[:start], " \t\r\n")
	if bytes.HasSuffix(before, []byte(",")) {
		return splice{len(before) - 1, end, ""}
	}
	return splice{start, end, ""}
}
