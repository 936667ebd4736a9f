// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// rule is one that values have to meet, and had not to before.
type rule struct{ field, message string }

// tightened returns the rules of after that objects that are valid by before may
// break.
func tightened(before, after *apiextensionsv1.JSONSchemaProps) []rule {
	var r rules
	r.walk(rootView(before), rootView(after), "")
	return r
}

type rules []rule

func (r *rules) add(field, message string) { *r = append(*r, rule{field, message}) }

func (r *rules) walk(before, after view, path string) {
	b, a := before.schema, after.schema
	if a == nil {
		return
	}
	if b == nil {
		if t := typeOf(a); t != "" {
			r.add(path, "any value was valid; now the type is "+t)
		}
		return
	}
	if from, to := typeOf(b), typeOf(a); !accepts(to, from) {
		r.add(path, changed("type", from, to))
		return
	}
	r.required(b, a, path)
	r.values(b, a, path)
	r.children(before, after, path)
}

func (r *rules) children(before, after view, path string) {
	for _, name := range namesOfBoth(before, after) {
		b, kept := before.field(name)
		if a, stays := after.field(name); kept && stays {
			r.walk(b, a, join(path, name))
		}
	}
	b, kept := before.unnamedField()
	if a, stays := after.unnamedField(); kept && stays {
		r.walk(b, a, join(path, anyKey))
	}
	if before.itemSchema() != nil && after.itemSchema() != nil {
		r.walk(before.item(), after.item(), joinItems(path))
	}
}

// required leaves out fields with a default: the API server fills those in, in
// stored objects too.
func (r *rules) required(before, after *apiextensionsv1.JSONSchemaProps, path string) {
	for _, name := range after.Required {
		if !slices.Contains(before.Required, name) && after.Properties[name].Default == nil {
			r.add(join(path, name), "is required now")
		}
	}
}

const intOrString = "integer or string"

// typeOf is "" for any type.
func typeOf(s *apiextensionsv1.JSONSchemaProps) string {
	if s.XIntOrString {
		return intOrString
	}
	return s.Type
}

// accepts reports whether all values of the type from are of the type to.
func accepts(to, from string) bool {
	switch to {
	case "", from:
		return true
	case "number":
		return from == "integer"
	case intOrString:
		return from == "integer" || from == "string"
	}
	return false
}

// changed words a change of what may be empty.
func changed(what, from, to string) string {
	if from == "" {
		return "new " + what + ": " + to
	}
	return strings.Join([]string{what, "changes from", from, "to", to}, " ")
}
