// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// missing returns the paths of the fields of before that after, which was pruned
// by s, has not. Those that differ only in an index or in the key of a map are
// one.
func missing(before, after map[string]any, s *schema.Structural) []string {
	m := lostFields{}
	m.walk(before, after, s, "")
	paths := make([]string, 0, len(m))
	for path := range m {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

type lostFields map[string]struct{}

func (m lostFields) walk(before, after any, s *schema.Structural, path string) {
	switch before := before.(type) {
	case map[string]any:
		after, _ := after.(map[string]any)
		for key, value := range before {
			child, name := childSchema(s, key)
			if kept, ok := after[key]; ok {
				m.walk(value, kept, child, join(path, name))
			} else {
				m[join(path, name)] = struct{}{}
			}
		}
	case []any:
		var items *schema.Structural
		if s != nil {
			items = s.Items
		}
		after, _ := after.([]any)
		for i := range min(len(before), len(after)) {
			m.walk(before[i], after[i], items, joinItems(path))
		}
	}
}

// childSchema returns the schema of a field and its name in paths.
func childSchema(s *schema.Structural, key string) (*schema.Structural, string) {
	if s == nil {
		return nil, key
	}
	if property, ok := s.Properties[key]; ok {
		return &property, key
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Structural, anyKey
	}
	return nil, key
}
