// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// reencode returns text, which says what was wanted, encoded anew from its
// nodes so that it says what is wanted. It keeps comments and order, but not
// blank lines and indentation.
func reencode(text []byte, was, want *v1alpha1.SolutionsConfiguration) ([]byte, error) {
	s, err := newSource(text)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(was.Archives, want.Archives) {
		s.setNode(archivesField, yaml.SequenceNode, func(old *yaml.Node) []*yaml.Node { return listNodes(old, want.Archives) })
	}
	if !maps.Equal(was.Active, want.Active) {
		s.setNode(activeField, yaml.MappingNode, func(old *yaml.Node) []*yaml.Node { return mapNodes(old, want.Active) })
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{s.root}}); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	edited := out.String()
	if s.prefix(len(text)) != "" {
		edited = strings.TrimSuffix(edited, "\n")
	}
	return []byte(strings.ReplaceAll(edited, "\n", s.newline)), nil
}

// setNode gives the collection of that name the nodes that content makes of
// the old ones. A collection that is an alias becomes one of its own.
func (s *source) setNode(name string, kind yaml.Kind, content func(old *yaml.Node) []*yaml.Node) {
	c, ok := s.find(name)
	if !ok {
		c = collection{key: wordNode(name), value: &yaml.Node{Kind: kind}}
		s.root.Content = append(s.root.Content, c.key, c.value)
	}
	old := resolve(c.value)
	nodes := content(old)
	value := yaml.Node{
		Kind: kind, Style: old.Style & yaml.FlowStyle, Content: nodes, Anchor: c.value.Anchor,
		HeadComment: c.value.HeadComment, LineComment: c.value.LineComment, FootComment: c.value.FootComment,
	}
	if len(nodes) == 0 {
		for _, item := range items(old) {
			keepComments(item[0], c.key)
		}
	}
	*c.value = value
}

// listNodes returns the nodes of the wanted words: the old ones where there
// are any.
func listNodes(old *yaml.Node, want []string) []*yaml.Node {
	var nodes []*yaml.Node
	for _, item := range old.Content {
		if slices.Contains(want, resolve(item).Value) {
			nodes = append(nodes, own(item))
		} else if len(nodes) > 0 {
			keepComments(item, nodes[len(nodes)-1])
		}
	}
	for _, word := range want {
		if !slices.ContainsFunc(nodes, func(n *yaml.Node) bool { return n.Value == word }) {
			nodes = append(nodes, wordNode(word))
		}
	}
	return nodes
}

// mapNodes is listNodes for a mapping. What it got by a merge key ("<<") it
// then has as its own, sorted, for a merged entry cannot be taken away.
func mapNodes(old *yaml.Node, want map[string]string) []*yaml.Node {
	var nodes []*yaml.Node
	written := map[string]bool{}
	for _, item := range items(old) {
		key, value := own(item[0]), item[1]
		version, wanted := want[key.Value]
		if !wanted {
			if len(nodes) > 0 {
				keepComments(item[0], nodes[len(nodes)-2])
			}
			continue
		}
		if resolve(value).Value != version {
			line := value.LineComment
			value = wordNode(version)
			value.LineComment = line
		}
		nodes, written[key.Value] = append(nodes, key, own(value)), true
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !written[name] {
			nodes = append(nodes, wordNode(name), wordNode(want[name]))
		}
	}
	return nodes
}

// resolve returns what a node stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// own returns n, or where it is an alias a copy of what it stands for.
func own(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.AliasNode {
		return n
	}
	copied := *resolve(n)
	copied.Anchor = ""
	copied.HeadComment, copied.LineComment, copied.FootComment = n.HeadComment, n.LineComment, n.FootComment
	return &copied
}

// keepComments moves the comments around a node that goes below one that stays.
func keepComments(from, to *yaml.Node) {
	for _, text := range []string{from.HeadComment, from.FootComment} {
		if text != "" {
			to.FootComment = strings.TrimPrefix(to.FootComment+"\n"+text, "\n")
		}
	}
}

// wordNode returns a string's node.
func wordNode(word string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: word}
	if !isPlain(word) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
