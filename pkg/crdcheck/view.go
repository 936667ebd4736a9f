// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// view is what the API server keeps of a value. It follows package pruning of
// k8s.io/apiextensions-apiserver, which knows values, not only schemas.
type view struct {
	// schema is nil where a value is kept, but no schema says what is in it.
	schema *apiextensionsv1.JSONSchemaProps
	// preserve means that fields that the schema does not name are kept.
	preserve bool
}

// everything is the view of a value that is kept as it is.
var everything = view{preserve: true}

func newView(s *apiextensionsv1.JSONSchemaProps) view {
	return view{s, s != nil && s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields}
}

// rootView is that of a whole object, whose metadata are kept whatever its
// schema says.
func rootView(s *apiextensionsv1.JSONSchemaProps) view {
	root := *s
	root.XEmbeddedResource = true
	return newView(&root)
}

// field is the view of a field, if it is kept.
func (v view) field(name string) (view, bool) {
	if s := v.schema; s != nil {
		if s.XEmbeddedResource && slices.Contains(metaFields(), name) {
			return everything, true
		}
		if property, ok := s.Properties[name]; ok {
			return newView(&property), true
		}
	}
	return v.unnamedField()
}

// unnamedField is the view of a field that the schema does not name.
func (v view) unnamedField() (view, bool) {
	if s := v.schema; s != nil && s.AdditionalProperties != nil {
		return newView(s.AdditionalProperties.Schema), true
	}
	return everything, v.preserve
}

// item is the view of the items of an array. Where fields are preserved, they
// are in items, too.
func (v view) item() view {
	items := v.itemSchema()
	switch {
	case v.schema == nil:
		return v
	case !v.preserve:
		return newView(items)
	case items == nil:
		return everything
	default:
		return view{items, true}
	}
}

func (v view) itemSchema() *apiextensionsv1.JSONSchemaProps {
	if v.schema == nil || v.schema.Items == nil {
		return nil
	}
	return v.schema.Items.Schema
}

// names are the fields that the schema names.
func (v view) names() []string {
	if v.schema == nil {
		return nil
	}
	names := slices.Collect(maps.Keys(v.schema.Properties))
	if v.schema.XEmbeddedResource {
		names = append(names, metaFields()...)
	}
	return names
}

// namesOfBoth are the fields that either schema names.
func namesOfBoth(a, b view) []string {
	names := append(a.names(), b.names()...)
	slices.Sort(names)
	return slices.Compact(names)
}

func metaFields() []string { return []string{"apiVersion", "kind", "metadata"} }

// anyKey stands for the keys of a map in a path.
const anyKey = "*"

// join is the path of a field of the object at path.
func join(path, name string) string {
	if strings.ContainsAny(name, ".[]") {
		return path + "[" + name + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// joinItems is the path of the items of the array at path.
func joinItems(path string) string { return path + "[*]" }
