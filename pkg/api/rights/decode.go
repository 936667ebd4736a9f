// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// decoder takes typed values out of JSON data. It keeps the first error, and
// gathers the fields that are unknown. null stands for an absent value, as it
// does for an API server.
type decoder struct {
	unknown []string
	err     error
}

// allow notes the fields of m, which is at path, that are none of known.
func (d *decoder) allow(path string, m map[string]any, known ...string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, key) {
			d.unknown = append(d.unknown, strings.TrimPrefix(path+"."+key, "."))
		}
	}
}

func (d *decoder) mapping(path string, v any) map[string]any {
	m, ok := v.(map[string]any)
	d.expect(ok || v == nil, path, "a mapping", v)
	return m
}

func (d *decoder) list(path string, v any) []any {
	list, ok := v.([]any)
	d.expect(ok || v == nil, path, "a list", v)
	return list
}

func (d *decoder) text(path string, v any) string {
	text, ok := v.(string)
	d.expect(ok || v == nil, path, "a string", v)
	return text
}

func (d *decoder) texts(path string, v any) []string {
	var texts []string
	for i, item := range d.list(path, v) {
		texts = append(texts, d.text(fmt.Sprintf("%s[%d]", path, i), item))
	}
	return texts
}

func (d *decoder) textMap(path string, v any) map[string]string {
	m := d.mapping(path, v)
	if m == nil {
		return nil
	}
	texts := make(map[string]string, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		texts[key] = d.text(path+"."+key, m[key])
	}
	return texts
}

func (d *decoder) expect(ok bool, path, want string, got any) {
	if !ok && d.err == nil {
		d.err = fmt.Errorf("%s must be %s, not %.60q", path, want, fmt.Sprint(got))
	}
}
