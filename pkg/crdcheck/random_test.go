// SPDX-License-Identifier: Apache-2.0

package crdcheck_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
)

type props = apiextensionsv1.JSONSchemaProps

// TestAgreesWithAPIServer compares what is found by looking at schemas with what
// the API server's own code does to objects that have all fields there can be.
func TestAgreesWithAPIServer(t *testing.T) {
	const pairs = 2000
	dropping := 0
	for seed := range uint64(pairs) {
		r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be the same each time
		live := randomSchema(r, 3)
		wanted := *live.DeepCopy()
		for range 1 + r.IntN(2) {
			mutate(r, &wanted)
		}
		objects := []unstructured.Unstructured{
			{Object: fullObject(t, filler{}, &live, &wanted)},
			{Object: fullObject(t, filler{mapsOnly: true}, &live, &wanted)},
		}
		drops, err := crdcheck.DropsFields(definitionOf(t, &live), definitionOf(t, &wanted))
		if err != nil {
			t.Fatal(err)
		}
		found, err := crdcheck.Pruned(definitionOf(t, &wanted), "v1", objects)
		if err != nil {
			t.Fatal(err)
		}
		if drops != (len(found) > 0) {
			t.Fatalf("seed %d: DropsFields = %v, and objects lose %v\nlive:   %s\nwanted: %s\nobjects: %s", seed, drops, found, text(t, live), text(t, wanted), text(t, objects))
		}
		if drops {
			dropping++
		}
	}
	if dropping < pairs/10 || dropping > pairs*9/10 {
		t.Errorf("%d of %d changes drop fields: the test is lopsided", dropping, pairs)
	}
}

func text(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// definitionOf is one with this schema.
func definitionOf(t *testing.T, s *props) *unstructured.Unstructured {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal([]byte(text(t, s)), &schema); err != nil {
		t.Fatal(err)
	}
	v1 := map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": schema}}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"spec": map[string]any{"versions": []any{v1}},
	}}
}

func prune(t *testing.T, s *props, object map[string]any) {
	t.Helper()
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(s, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	pruning.Prune(object, structural, true)
}

func randomSchema(r *rand.Rand, depth int) props {
	s := props{Type: "object", XEmbeddedResource: r.IntN(8) == 0}
	if r.IntN(4) == 0 {
		yes := true
		s.XPreserveUnknownFields = &yes
	}
	for i := range r.IntN(4) {
		if s.Properties == nil {
			s.Properties = map[string]props{}
		}
		s.Properties[fmt.Sprintf("p%d", i)] = randomChild(r, depth)
	}
	if r.IntN(4) == 0 {
		child := randomChild(r, depth)
		s.AdditionalProperties = &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &child}
	}
	return s
}

func randomChild(r *rand.Rand, depth int) props {
	switch {
	case depth == 0 || r.IntN(4) == 0:
		return props{Type: "string"}
	case r.IntN(4) == 0:
		items := randomChild(r, depth-1)
		s := props{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &items}}
		if r.IntN(3) == 0 {
			yes := true
			s.XPreserveUnknownFields = &yes
		}
		return s
	default:
		return randomSchema(r, depth-1)
	}
}

// mutate changes a schema at a random place, but never a type.
func mutate(r *rand.Rand, s *props) {
	switch {
	case s.Type == "string":
	case s.Type == "array" && r.IntN(4) > 0:
		mutate(r, s.Items.Schema)
	case s.Type == "object" && len(s.Properties) > 0 && r.IntN(3) > 0:
		name := fmt.Sprintf("p%d", r.IntN(len(s.Properties)))
		if child, ok := s.Properties[name]; ok {
			mutate(r, &child)
			s.Properties[name] = child
		}
	default:
		mutateHere(r, s)
	}
}

func mutateHere(r *rand.Rand, s *props) {
	switch r.IntN(5) {
	case 0:
		preserve := s.XPreserveUnknownFields == nil
		if s.XPreserveUnknownFields = nil; preserve {
			s.XPreserveUnknownFields = &preserve
		}
	case 1:
		if s.Type == "object" {
			s.XEmbeddedResource = !s.XEmbeddedResource
		}
	case 2:
		if s.AdditionalProperties != nil {
			s.AdditionalProperties = nil
		} else if s.Type == "object" {
			s.AdditionalProperties = &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &props{Type: "object"}}
		}
	case 3:
		delete(s.Properties, fmt.Sprintf("p%d", r.IntN(len(s.Properties)+1)))
	default:
		if s.Type == "object" {
			if s.Properties == nil {
				s.Properties = map[string]props{}
			}
			s.Properties["new"] = randomSchema(r, 1)
		}
	}
}

// fullObject is one that live keeps.
func fullObject(t *testing.T, f filler, live, wanted *props) map[string]any {
	t.Helper()
	object := map[string]any{"apiVersion": "app.example.org/v1", "kind": "Thing", "metadata": map[string]any{"name": "t"}}
	for key, value := range f.value(live, wanted, 10).(map[string]any) {
		if object[key] == nil {
			object[key] = value
		}
	}
	prune(t, live, object)
	return object
}

// filler makes values that have every field that one of two schemas names, and
// one that neither does, in every object.
type filler struct {
	// mapsOnly is for objects in the place of what only the new schema says is
	// something else.
	mapsOnly bool
}

func (f filler) value(live, wanted *props, depth int) any {
	switch {
	case f.isType(live, wanted, "string"):
		return "x"
	case f.isType(live, wanted, "array"):
		return []any{f.value(items(live), items(wanted), depth-1)}
	}
	value := map[string]any{}
	if depth < 0 {
		return value
	}
	names := map[string]bool{"unnamed": true}
	for _, s := range []*props{live, wanted} {
		if s == nil {
			continue
		}
		for name := range s.Properties {
			names[name] = true
		}
		if s.XEmbeddedResource {
			names["metadata"] = true
		}
	}
	for name := range names {
		value[name] = f.value(field(live, name), field(wanted, name), depth-1)
	}
	return value
}

func (f filler) isType(live, wanted *props, name string) bool {
	if live != nil {
		return live.Type == name
	}
	// Unknown values can be of any type: an array is one, a string is lost on us.
	return !f.mapsOnly && name == "array" && wanted != nil && wanted.Type == name
}

func items(s *props) *props {
	if s == nil || s.Items == nil {
		return nil
	}
	return s.Items.Schema
}

func field(s *props, name string) *props {
	if s == nil || (s.XEmbeddedResource && name == "metadata") {
		return nil
	}
	if property, ok := s.Properties[name]; ok {
		return &property
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Schema
	}
	return nil
}
