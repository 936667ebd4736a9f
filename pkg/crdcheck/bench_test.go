// SPDX-License-Identifier: Apache-2.0

package crdcheck_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
)

// nested is a definition with two versions in which every field has a
// description, and objects five fields, to a depth. One of depth 6 is of some
// 5 MiB.
func nested(tb testing.TB, depth int, description string) *unstructured.Unstructured {
	tb.Helper()
	var level func(depth int) map[string]any
	level = func(depth int) map[string]any {
		s := map[string]any{"type": "object", "description": strings.Repeat(description, 10)}
		if depth == 0 {
			s["type"] = "string"
			return s
		}
		properties := map[string]any{}
		for i := range 5 {
			properties[fmt.Sprintf("field%d", i)] = level(depth - 1)
		}
		s["properties"] = properties
		return s
	}
	definition := crd(tb, stored(version("v1", "{}")), version("v1beta1", "{}"))
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	if err != nil {
		tb.Fatal(err)
	}
	for _, v := range versions {
		v.(map[string]any)["schema"] = map[string]any{"openAPIV3Schema": level(depth)}
	}
	return with(tb, definition, versions, "spec", "versions")
}

// withoutField is a copy of definition without the last field at a depth.
func withoutField(definition *unstructured.Unstructured, depth int) *unstructured.Unstructured {
	wanted := definition.DeepCopy()
	versions := wanted.Object["spec"].(map[string]any)["versions"].([]any)
	for _, v := range versions {
		s := v.(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
		for range depth - 1 {
			s = s["properties"].(map[string]any)["field3"].(map[string]any)
		}
		delete(s["properties"].(map[string]any), "field3")
	}
	return wanted
}

func TestNestedDefinition(t *testing.T) {
	live := nested(t, 4, "described ")
	findings, err := crdcheck.Compare(live, withoutField(live, 4))
	if err != nil || len(findings) != 2 || findings[0].Field != "field3.field3.field3.field3" {
		t.Errorf("Compare = %v, %v; want a dropped field in each version", findings, err)
	}
}

func BenchmarkLargeDefinition(b *testing.B) {
	live := nested(b, 6, "described ")
	if text, err := json.Marshal(live); err != nil || len(text) < 5<<20 {
		b.Fatalf("a definition of %d bytes only, %v", len(text), err)
	}
	same, less, described := live.DeepCopy(), withoutField(live, 6), nested(b, 6, "explained ")
	b.Run("Compare/same", func(b *testing.B) { benchmarkCompare(b, live, same) })
	b.Run("Compare/field removed", func(b *testing.B) { benchmarkCompare(b, live, less) })
	b.Run("Compare/all described anew", func(b *testing.B) { benchmarkCompare(b, live, described) })
	b.Run("NewPruner", func(b *testing.B) {
		for b.Loop() {
			if _, err := crdcheck.NewPruner(live, "v1"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkCompare(b *testing.B, live, wanted *unstructured.Unstructured) {
	b.Helper()
	for b.Loop() {
		if _, err := crdcheck.Compare(live, wanted); err != nil {
			b.Fatal(err)
		}
	}
}
