// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	yaml3 "gopkg.in/yaml.v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// decodeObject decodes one YAML document to JSON data; scalars at the given
// places become the strings they are written as.
func decodeObject(data []byte, stringPlaces []string) (map[string]any, error) {
	dec := yaml3.NewDecoder(bytes.NewReader(data))
	var doc yaml3.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: the file is empty", ErrNoYAML)
		}
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	if err := dec.Decode(new(yaml3.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml3.MappingNode {
		return nil, ErrNoYAML
	}
	// Decoding finds duplicate keys, and aliases that expand without end.
	var whole any
	if err := doc.Decode(&whole); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	if budget := maxExpandedBytes; !expands(&doc, &budget) {
		return nil, fmt.Errorf("%w: with its aliases it is longer than %d bytes", ErrNoYAML, maxExpandedBytes)
	}
	keepStrings(doc.Content[0], map[*yaml3.Node]bool{})
	for _, place := range stringPlaces {
		keepWritten(doc.Content[0], strings.Split(place, "."))
	}
	var object map[string]any
	if err := doc.Decode(&object); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	// By way of JSON, numbers have the types that apimachinery expects.
	written, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	return object, utiljson.Unmarshal(written, &object)
}

// maxExpandedBytes bounds a document with its aliases written out: a short one
// can repeat a long text without end.
const maxExpandedBytes = 4 << 20

// expands says whether n, with its aliases written out, is within the budget.
func expands(n *yaml3.Node, budget *int) bool {
	if *budget -= len(n.Value) + 1; *budget < 0 {
		return false
	}
	if n.Kind == yaml3.AliasNode {
		return expands(n.Alias, budget)
	}
	for _, child := range n.Content {
		if !expands(child, budget) {
			return false
		}
	}
	return true
}

// keepStrings makes every key a string, and every date: JSON knows neither
// other keys nor dates.
func keepStrings(n *yaml3.Node, seen map[*yaml3.Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	switch {
	case n.Kind == yaml3.AliasNode:
		keepStrings(n.Alias, seen)
	case n.Kind == yaml3.ScalarNode && n.ShortTag() == "!!timestamp":
		n.Tag = "!!str"
	case n.Kind == yaml3.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind == yaml3.ScalarNode && key.ShortTag() != "!!merge" {
				key.Tag = "!!str"
			}
		}
	}
	for _, child := range n.Content {
		keepStrings(child, seen)
	}
}

// keepWritten makes the scalars at path strings.
func keepWritten(n *yaml3.Node, path []string) {
	for n.Kind == yaml3.AliasNode {
		n = n.Alias
	}
	if len(path) == 0 {
		if n.Kind == yaml3.ScalarNode && n.Tag != "!!null" {
			n.Tag = "!!str"
		}
		return
	}
	switch n.Kind {
	case yaml3.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch key := n.Content[i]; {
			case key.ShortTag() == "!!merge":
				keepMerged(n.Content[i+1], path)
			case path[0] == "*" || path[0] == key.Value:
				keepWritten(n.Content[i+1], path[1:])
			}
		}
	case yaml3.SequenceNode:
		if path[0] == "*" {
			for _, item := range n.Content {
				keepWritten(item, path[1:])
			}
		}
	}
}

// keepMerged does keepWritten for the mapping, or mappings, of a merge key.
func keepMerged(n *yaml3.Node, path []string) {
	if n.Kind != yaml3.SequenceNode {
		keepWritten(n, path)
		return
	}
	for _, item := range n.Content {
		keepWritten(item, path)
	}
}

func checkType(object map[string]any, kind string, apiVersions ...string) error {
	if got, _ := object["kind"].(string); got != kind {
		return fmt.Errorf("kind is %q, and must be %q", got, kind)
	}
	if got, _ := object["apiVersion"].(string); !slices.Contains(apiVersions, got) {
		return fmt.Errorf("apiVersion is %q, and must be %q", got, apiVersions[0])
	}
	return nil
}
