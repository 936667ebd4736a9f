// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scale_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// definitions of half a MiB each: the API server takes little more than one MiB.
const (
	definitions    = 10
	definitionSize = 512 << 10
)

// BenchmarkDefinitions is about 10 definitions of 5 MiB together.
func BenchmarkDefinitions(b *testing.B) {
	w := newWorld(b)
	big := archivetest.Empty(b).WithName("big").WithVersion("1.0.0").WithImage("big-operator", "1.0.0")
	var list []map[string]any
	for i := range definitions {
		d := definition(fmt.Sprintf("thing%d", i))
		data, err := json.Marshal(d)
		if err != nil {
			b.Fatal(err)
		}
		big.WithFile(fmt.Sprintf("operator/deploy/crds/thing%d_crd.yaml", i), string(data))
		list = append(list, d)
	}
	archive := big.ISO(b)
	file := w.list("definitions.json", list)
	var others []string
	for i := range 2 * rounds {
		others = append(others, w.solution(fmt.Sprintf("other-%d", i), "1.0.0"))
	}
	w.run("kubectl-solution", "import", archive)
	var without []time.Duration
	for _, other := range others[:rounds] {
		without = append(without, w.run("kubectl-solution", "import", other).wall)
	}
	b.Run("activating 5 MiB", func(b *testing.B) { w.activate(b, file) })
	b.Run("an import beside them", func(b *testing.B) {
		var with []time.Duration
		for _, other := range others[rounds:] {
			with = append(with, w.run("kubectl-solution", "import", other).wall)
		}
		b.ReportMetric(median(with).Seconds(), "s")
		report(b, median(with).Seconds()/median(without).Seconds(), "×without(≤1)")
	})
}

// activate compares an activation with applying the same definitions.
func (w *world) activate(b *testing.B, file string) {
	var ours, theirs []time.Duration
	for range 3 {
		theirs = append(theirs, w.run("kubectl", "apply", "--server-side", "-f", file).wall)
		w.run("kubectl", "delete", "-f", file)
		ours = append(ours, w.run("kubectl-solution", "activate", "big").wall)
		w.run("kubectl-solution", "deactivate", "big", "--yes")
	}
	w.run("kubectl-solution", "activate", "big")
	b.ReportMetric(median(ours).Seconds(), "s")
	report(b, median(ours).Seconds()/median(theirs).Seconds(), "×kubectl(≤1.1)")
}

// definition returns a definition with a large schema.
func definition(name string) map[string]any {
	properties := map[string]any{}
	for i := 0; i*220 < definitionSize; i++ {
		properties[fmt.Sprintf("field%05d", i)] = map[string]any{
			"type": "object", "description": "What this field is for, in about as many words as generated definitions have for each of their fields.",
			"properties": map[string]any{"value": map[string]any{"type": "string"}},
		}
	}
	plural := name + "s"
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": plural + ".big.example.com"},
		"spec": map[string]any{
			"group": "big.example.com", "scope": "Namespaced",
			"names": map[string]any{"kind": name, "listKind": name + "List", "plural": plural, "singular": name},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "properties": map[string]any{"spec": map[string]any{"type": "object", "properties": properties}},
				}},
			}},
		},
	}
}
