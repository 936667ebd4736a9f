// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// collection is a list or mapping of the document, and its key.
type collection struct {
	*source
	key, value *yaml.Node
}

// find returns the collection of that name, if there is one.
func (s *source) find(name string) (collection, bool) {
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		if s.root.Content[i].Value == name {
			return collection{source: s, key: s.root.Content[i], value: s.root.Content[i+1]}, true
		}
	}
	return collection{}, false
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// items returns the nodes of each entry: the value, or the key and the value.
func items(n *yaml.Node) [][]*yaml.Node {
	size := 1
	if n.Kind == yaml.MappingNode {
		size = 2
	}
	var found [][]*yaml.Node
	for i := 0; i+size <= len(n.Content); i += size {
		found = append(found, n.Content[i:i+size])
	}
	return found
}

// addBlock puts a line below the last entry of a block.
func (c collection) addBlock(e entry) ([]splice, error) {
	found := items(c.value)
	last := found[len(found)-1]
	lead, end, err := c.blockItem(last)
	if err != nil {
		return nil, err
	}
	return []splice{c.newLine(end, lead+e.text(last))}, nil
}

// blockItem returns what stands before an entry in its line, and where the
// entry ends. An entry that shares a line with something else is none.
func (c collection) blockItem(item []*yaml.Node) (lead string, end int, err error) {
	lead = c.prefix(c.offset(item[0]))
	indent := lead
	if c.value.Kind == yaml.SequenceNode {
		var dash bool
		if indent, dash = strings.CutSuffix(strings.TrimRight(lead, " \t"), "-"); !dash {
			return "", 0, errLayout
		}
	}
	end, err = c.end(item[len(item)-1])
	if err != nil || !isBlank(indent) || !c.lineRest(end) {
		return "", 0, errLayout
	}
	return lead, end, nil
}

// setEntry returns text with the entry in place of that with its key.
func setEntry(text []byte, name string, e entry) ([]byte, error) {
	s, err := newSource(text)
	if err != nil {
		return nil, err
	}
	c, _ := s.find(name)
	if c.value == nil || c.value.Kind != yaml.MappingNode {
		return addEntry(text, name, e)
	}
	for _, item := range items(c.value) {
		if item[0].Value != e.key {
			continue
		}
		end, err := s.end(item[1])
		if err != nil {
			return nil, err
		}
		return s.apply(splice{s.start(item[1]), end, scalar(e.value, item[1].Style)}), nil
	}
	return addEntry(text, name, e)
}

// removeEntries returns text without the entries that are, or whose key is,
// the given word.
func removeEntries(text []byte, name, word string) ([]byte, error) {
	for removed := false; ; removed = true {
		s, err := newSource(text)
		if err != nil {
			return nil, err
		}
		c, ok := s.find(name)
		i := -1
		if ok {
			i = indexItem(c.value, word)
		}
		if i < 0 && removed {
			return text, nil
		}
		if i < 0 {
			return nil, errLayout
		}
		splices, err := c.remove(i)
		if err != nil {
			return nil, err
		}
		text = s.apply(splices...)
	}
}

// indexItem returns the index of the first entry that is, or whose key is, the
// given word, and -1 for none.
func indexItem(n *yaml.Node, word string) int {
	for i, item := range items(n) {
		if resolve(item[0]).Value == word {
			return i
		}
	}
	return -1
}

// remove removes entry i with its line. Its last one leaves an empty collection.
func (c collection) remove(i int) ([]splice, error) {
	if isFlow(c.value) {
		return c.removeFlow(i)
	}
	found := items(c.value)
	_, end, err := c.blockItem(found[i])
	if err != nil {
		return nil, err
	}
	splices := []splice{c.dropLines(c.offset(found[i][0]), end)}
	if len(found) > 1 {
		return splices, nil
	}
	at, err := c.colon(c.key)
	if err != nil {
		return nil, err
	}
	empty := " []"
	if c.value.Kind == yaml.MappingNode {
		empty = " {}"
	}
	return append(splices, splice{at, at, empty}), nil
}
