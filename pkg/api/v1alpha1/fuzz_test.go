// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	goruntime "runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// maxDecodeBytes bounds what decoding a manifest of a few KiB may allocate in
// total: aliases must not make a short one a long one.
const maxDecodeBytes = 256 << 20

// Whatever is in a manifest.yaml, decoding does not panic, nor take memory
// without limit, and what it returns is what it would return again.
func FuzzDecodeSolution(f *testing.F) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n"
	for _, text := range []string{
		manifest("name: a", "version: 1.10"),
		manifest("name: &n a, annotations: {x: 1}", "version: &v 0x10, operator: {image: {name: *n, tag: *v}}, images: ['a:1']"),
		manifest("name: a, labels: {a: }", "version: yes, ui: {deploy: false, image: {name: x}}, customApiGroups: [a, 1]"),
		manifest("name: a", "version: 1", bomb),
		manifest("name: a", "version: 1, u: &u {image: {tag: 1.0}}, ui: {<<: *u}"),
		manifest("name: a", "version: 1", "t: |+\n  a\n\n", "? [a, b]\n: c", "e: !!binary aGk=", "d: 2024-01-01", "o: {true: 1, 1: 2, ~: 3}"),
		manifest("name: a", "version: 1, i: 12345678901234567890, f: 1.5e3, n: .nan, t: 2024-01-01T00:00:00Z, z: 0o17, b: [on, yes, ~, null, '']"),
		manifest("name: a", "version: 1, i: 12345, f: [1.5e3, 1.0, -0, 1e400], z: 0o17, nested: {1: 2, true: 3, 1.50: 4}"),
		"\ufeff" + manifest("name: a", "version: 1", "# c", "x: !<tag:y> {a: b}", "...", "# d"),
		"[]", "", "---\n---\n", "a: *a", "a: &a [*a]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			return
		}
		var before, after goruntime.MemStats
		goruntime.ReadMemStats(&before)
		s, err := DecodeSolution(data)
		goruntime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > maxDecodeBytes {
			t.Errorf("%d bytes allocated to decode %d", used, len(data))
		}
		if err != nil {
			if s != nil && err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		runtime.DeepCopyJSON(s.Object) // panics where it is no JSON data, as apimachinery would
		checkSame(t, s)
	})
}

// checkSame decodes what was decoded.
func checkSame(t *testing.T, s *Solution) {
	text, err := yaml.Marshal(s.Object)
	if err != nil {
		t.Fatalf("encoding: %v", err)
	}
	if len(text) > MaxManifestBytes {
		return
	}
	again, err := DecodeSolution(text)
	if err != nil {
		t.Fatalf("decoding again: %v\n%s", err, text)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Errorf("decoded again, -first +second:\n%s", diff)
	}
}
