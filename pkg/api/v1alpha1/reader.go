// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"strings"
)

// reader takes typed values out of JSON data and keeps the first error, which
// names the field.
type reader struct {
	object map[string]any
	err    error
}

// value returns what is at path, nil where a part of it is absent or null.
func (r *reader) value(path ...string) any {
	var v any = r.object
	for i, key := range path {
		if v == nil {
			return nil
		}
		m, ok := v.(map[string]any)
		if !ok {
			r.fail(path[:i], "a mapping", v)
			return nil
		}
		v = m[key]
	}
	return v
}

func (r *reader) text(path ...string) string {
	switch v := r.value(path...).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		r.fail(path, "a string", v)
		return ""
	}
}

func (r *reader) boolean(fallback bool, path ...string) bool {
	switch v := r.value(path...).(type) {
	case nil:
		return fallback
	case bool:
		return v
	default:
		r.fail(path, "true or false", v)
		return fallback
	}
}

func (r *reader) texts(path ...string) []string {
	v := r.value(path...)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.fail(path, "a list", v)
		return nil
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			r.fail(path, "a list of strings", v)
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

func (r *reader) textMap(path ...string) map[string]string {
	v := r.value(path...)
	if v == nil {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.fail(path, "a mapping", v)
		return nil
	}
	texts := make(map[string]string, len(m))
	for key := range m {
		texts[key] = r.text(append(append([]string{}, path...), key)...)
	}
	return texts
}

func (r *reader) fail(path []string, want string, got any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s must be %s, and is %.60q", strings.Join(path, "."), want, fmt.Sprint(got))
	}
}
