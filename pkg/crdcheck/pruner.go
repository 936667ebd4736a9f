// SPDX-License-Identifier: Apache-2.0

package crdcheck

import (
	"fmt"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxObjects is how many objects a finding names.
const maxObjects = 5

// Pruner finds the fields that a new definition would drop from objects.
type Pruner struct {
	definition string
	steps      []pruneStep
	lost       map[fieldOfVersion]*Finding
}

// pruneStep is a version that objects pass through.
type pruneStep struct {
	version string
	schema  *schema.Structural
}

type fieldOfVersion struct{ version, field string }

// Pruned returns the fields that wanted would drop from objects that the API
// server serves in a version now. For objects that come in pages use a [Pruner].
func Pruned(wanted *unstructured.Unstructured, version string, objects []unstructured.Unstructured) ([]Finding, error) {
	p, err := NewPruner(wanted, version)
	if err != nil {
		return nil, err
	}
	for i := range objects {
		p.Look(&objects[i])
	}
	return p.Findings(), nil
}

// NewPruner returns one for objects that the API server serves in a version
// now. If wanted stores another version and no webhook converts them, they must
// fit that version too.
func NewPruner(wanted *unstructured.Unstructured, version string) (*Pruner, error) {
	d, err := newDefinition(wanted)
	if err != nil {
		return nil, err
	}
	p := &Pruner{definition: d.Name, lost: map[fieldOfVersion]*Finding{}}
	if _, ok := d.version(version); !ok {
		return nil, fmt.Errorf("CustomResourceDefinition %s has no version %s", d.Name, version)
	}
	versions := []string{version}
	if storage := d.storageVersion(); storage != version && storage != "" && d.webhook() == nil {
		versions = append(versions, storage)
	}
	if d.Spec.PreserveUnknownFields {
		versions = nil
	}
	for _, version := range versions {
		s, err := d.structural(version)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, pruneStep{version, s})
	}
	return p, nil
}

// structural is the schema of a version in the form that package pruning takes.
func (d *definition) structural(version string) (*schema.Structural, error) {
	external, err := d.schema(version)
	if err != nil {
		return nil, err
	}
	var internal apiextensions.JSONSchemaProps
	if err = apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(external, &internal, nil); err == nil {
		var s *schema.Structural
		if s, err = schema.NewStructural(&internal); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("CustomResourceDefinition %s, version %s: %w", d.Name, version, err)
}

// Look notes what an object would lose, and leaves the object as it is.
func (p *Pruner) Look(object *unstructured.Unstructured) {
	before := object.Object
	for _, step := range p.steps {
		after := runtime.DeepCopyJSON(before)
		pruning.Prune(after, step.schema, true)
		for _, field := range missing(before, after, step.schema) {
			p.note(step.version, field, object)
		}
		before = after
	}
}

func (p *Pruner) note(version, field string, object *unstructured.Unstructured) {
	f := p.lost[fieldOfVersion{version, field}]
	if f == nil {
		f = &Finding{
			Kind: FieldDropped, Definition: p.definition, Version: version, Field: field,
			Message: "objects have this field, and lose it",
		}
		p.lost[fieldOfVersion{version, field}] = f
	}
	f.Count++
	if len(f.Objects) < maxObjects {
		name := object.GetName()
		if namespace := object.GetNamespace(); namespace != "" {
			name = namespace + "/" + name
		}
		f.Objects = append(f.Objects, name)
	}
}

// Findings returns what the objects seen so far would lose.
func (p *Pruner) Findings() []Finding {
	var findings []Finding
	for _, f := range p.lost {
		found := *f
		found.Objects = slices.Clone(f.Objects)
		findings = append(findings, found)
	}
	return sorted(findings)
}
