// SPDX-License-Identifier: Apache-2.0

package crdcheck_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
)

func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return u
}

// version is one entry of spec.versions.
func version(name, schema string) string {
	return fmt.Sprintf("{name: %s, served: true, storage: false, schema: {openAPIV3Schema: %s}}", name, schema)
}

func stored(version string) string {
	return strings.Replace(version, "storage: false", "storage: true", 1)
}

func unserved(version string) string {
	return strings.Replace(version, "served: true", "served: false", 1)
}

// crd is the definition of things.app.example.org with these versions.
func crd(t testing.TB, versions ...string) *unstructured.Unstructured {
	t.Helper()
	return parse(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.app.example.org}
spec:
  group: app.example.org
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
  versions: [`+strings.Join(versions, ",\n    ")+`]
`)
}

// withStored is definition with status.storedVersions.
func withStored(definition *unstructured.Unstructured, versions ...any) *unstructured.Unstructured {
	definition.Object["status"] = map[string]any{"storedVersions": versions}
	return definition
}

func with(t testing.TB, definition *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	t.Helper()
	if err := unstructured.SetNestedField(definition.Object, value, path...); err != nil {
		t.Fatal(err)
	}
	return definition
}

// spec is a schema whose field spec has this one.
func spec(schema string) string { return "{type: object, properties: {spec: " + schema + "}}" }

// object is a schema of an object with these properties.
func object(properties string) string { return "{type: object, properties: {" + properties + "}}" }

func thing(t testing.TB, namespace, name, spec string) unstructured.Unstructured {
	t.Helper()
	return *parse(t, fmt.Sprintf(`{apiVersion: app.example.org/v1, kind: Thing, metadata: {namespace: %q, name: %s, labels: {a: b}}, spec: %s}`, namespace, name, spec))
}

// texts are findings as "Kind version field: message", with objects.
func texts(findings []crdcheck.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, string(f.Kind)+" "+strings.TrimPrefix(f.String(), "things.app.example.org"))
	}
	return list
}

// invalidDefinitions are some, by the errors that they give.
func invalidDefinitions(t testing.TB) map[string]*unstructured.Unstructured {
	t.Helper()
	good := crd(t, stored(version("v1", "{type: object}")))
	return map[string]*unstructured.Unstructured{
		"CustomResourceDefinition things.app.example.org is apiextensions.k8s.io/v1beta1: must be apiextensions.k8s.io/v1":           with(t, good.DeepCopy(), "apiextensions.k8s.io/v1beta1", "apiVersion"),
		"reading CustomResourceDefinition things.app.example.org: ":                                                                  with(t, good.DeepCopy(), "all", "spec", "versions"),
		"reading the schema of CustomResourceDefinition things.app.example.org, version v1: json: cannot unmarshal array into Go st": crd(t, stored(version("v1", "{type: [object]}"))),
		"reading the schema of CustomResourceDefinition things.app.example.org, version v1: json: cannot unmarshal string into Go v": crd(t, stored(version("v1", "nothing"))),
	}
}
