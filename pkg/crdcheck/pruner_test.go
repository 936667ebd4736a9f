// SPDX-License-Identifier: Apache-2.0

package crdcheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
)

func pruned(t *testing.T, wanted *unstructured.Unstructured, version string, objects ...unstructured.Unstructured) []crdcheck.Finding {
	t.Helper()
	var before []unstructured.Unstructured
	for _, object := range objects {
		before = append(before, *object.DeepCopy())
	}
	findings, err := crdcheck.Pruned(wanted, version, objects)
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(objects, before) {
		t.Error("an object was changed")
	}
	return findings
}

func TestPruned(t *testing.T) {
	for _, tt := range []struct {
		name, schema, object string
		want                 []string
	}{
		{"nothing", object("size: {type: integer}"), "{size: 3}", nil},
		{"a field", object("size: {type: integer}"), "{size: 3, password: hunter2}", []string{"spec.password"}},
		{"an object", object("size: {type: integer}"), "{auth: {user: a, password: hunter2}}", []string{"spec.auth"}},
		{"null", object("size: {type: integer}"), "{size: 3, password: null}", []string{"spec.password"}},
		{"in an array", object("disks: {type: array, items: " + object("size: {type: integer}") + "}"), "{disks: [{size: 1, path: a}, {path: b}]}", []string{"spec.disks[*].path"}},
		{"in a map", object("disks: {type: object, additionalProperties: " + object("size: {type: integer}") + "}"), "{disks: {a: {size: 1, path: a}, b: {path: b}}}", []string{"spec.disks.*.path"}},
		{"any key", "{type: object, additionalProperties: {type: string}}", "{a: b, c: d}", nil},
		{"kept", "{type: object, x-kubernetes-preserve-unknown-fields: true}", "{a: {b: [{c: d}]}}", nil},
		{"kept, but not below a name", "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: " + object("b: {type: string}") + "}}", "{a: {b: c, d: e}, f: {g: h}}", []string{"spec.a.d"}},
		{"embedded resource", object("template: {type: object, x-kubernetes-embedded-resource: true}"), "{template: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}}", []string{"spec.template.spec"}},
		{"no object any more", object("a: {type: string}"), "{a: {b: c}}", []string{"spec.a.b"}},
		{"a name with a dot", object("a: {type: string}"), "{a.b: c}", []string{"spec[a.b]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range pruned(t, crd(t, stored(version("v1", spec(tt.schema)))), "v1", thing(t, "e", "t", tt.object)) {
				got = append(got, f.Field)
				want := crdcheck.Finding{Kind: crdcheck.FieldDropped, Definition: "things.app.example.org", Version: "v1", Field: f.Field, Message: "objects have this field, and lose it", Objects: []string{"e/t"}, Count: 1}
				if diff := cmp.Diff(want, f); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPrunedOfManyObjects(t *testing.T) {
	wanted := crd(t, stored(version("v1", spec(object("size: {type: integer}")))))
	var objects []unstructured.Unstructured
	for i := range 7 {
		objects = append(objects, thing(t, "e", fmt.Sprintf("t%d", i), "{size: 3, password: hunter2}"), thing(t, "", fmt.Sprintf("u%d", i), "{size: 3}"))
	}
	objects = append(objects, thing(t, "", "last", "{colour: red}"))
	want := []string{
		"FieldDropped  v1: spec.colour: objects have this field, and lose it (1: last)",
		"FieldDropped  v1: spec.password: objects have this field, and lose it (7: e/t0, e/t1, e/t2, e/t3, e/t4, …)",
	}
	if diff := cmp.Diff(want, texts(pruned(t, wanted, "v1", objects...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPrunedInStorageVersion(t *testing.T) {
	wanted := crd(t, version("v1", spec(object("size: {type: integer}, password: {type: string}"))), stored(version("v2", spec(object("size: {type: integer}")))))
	one := thing(t, "e", "t", "{size: 3, password: hunter2, colour: red}")
	want := []string{
		"FieldDropped  v1: spec.colour: objects have this field, and lose it (1: e/t)",
		"FieldDropped  v2: spec.password: objects have this field, and lose it (1: e/t)",
	}
	if diff := cmp.Diff(want, texts(pruned(t, wanted, "v1", one))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	conversion := parse(t, "{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: a, namespace: b}}}}")
	if diff := cmp.Diff(want[:1], texts(pruned(t, with(t, wanted, conversion.Object, "spec", "conversion"), "v1", one))); diff != "" {
		t.Errorf("with a webhook: -want +got:\n%s", diff)
	}
	if _, err := crdcheck.Pruned(wanted, "v3", nil); err == nil || !strings.Contains(err.Error(), "has no version v3") {
		t.Errorf("a version that there is not: %v", err)
	}
}

func TestPrunedOfWhatIsPreserved(t *testing.T) {
	wanted := with(t, crd(t, stored(version("v1", "{type: object}"))), true, "spec", "preserveUnknownFields")
	if got := pruned(t, wanted, "v1", thing(t, "e", "t", "{a: b}")); got != nil {
		t.Errorf("found %v", got)
	}
}

func TestPrunerOfInvalidDefinitions(t *testing.T) {
	unsupported := crd(t, stored(version("v1", "{type: array, items: [{type: string}]}")))
	tests := invalidDefinitions(t)
	tests["CustomResourceDefinition things.app.example.org, version v1: OpenAPIV3Schema 'items' must be a schema"] = unsupported
	for want, bad := range tests {
		if _, err := crdcheck.Pruned(bad, "v1", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Pruned: %v; want %s", err, want)
		}
	}
}
