// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		"\ufeff" + manifest("name: a", "version: 1", "# c", "x: !<tag:y> {a: b}", "...", "# d"),
		"[]", "", "---\n---\n", "a: *a", "a: &a [*a]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := DecodeSolution(data)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > maxDecodeBytes {
			t.Errorf("%d bytes allocated to decode %d", used, len(data))
		}
		if err != nil {
			if s != nil && err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		checkSame(t, s)
		if !bytes.ContainsAny(data, "*<") {
			checkUnknownFields(t, data, s)
		}
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

// checkUnknownFields compares fields whose written form does not count with
// what Kubernetes' own decoder makes of them. An alias may make one field's
// form count elsewhere.
func checkUnknownFields(t *testing.T, data []byte, s *Solution) {
	var want map[string]any
	if err := yaml.Unmarshal(data, &want); err != nil {
		return
	}
	got, _ := deepCopyJSON(s.Object).(map[string]any)
	for _, place := range manifestStrings {
		remove(want, strings.Split(place, "."))
		remove(got, strings.Split(place, "."))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown fields, -Kubernetes +ours:\n%s", diff)
	}
}

// remove removes what is at a place, see manifestStrings.
func remove(v any, path []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			switch {
			case path[0] != "*" && path[0] != key:
			case len(path) == 1:
				delete(v, key)
			default:
				remove(item, path[1:])
			}
		}
	case []any:
		for i, item := range v {
			switch {
			case path[0] != "*":
			case len(path) == 1:
				v[i] = nil
			default:
				remove(item, path[1:])
			}
		}
	}
}

func deepCopyJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, item := range v {
			m[key] = deepCopyJSON(item)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = deepCopyJSON(item)
		}
		return list
	}
	return v
}
