// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"
	"strings"
)

// object is a Kubernetes object as JSON data.
type object map[string]any

// value returns what is at path, nil where a part of it is absent.
func (o object) value(path ...string) any {
	var v any = map[string]any(o)
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// text returns the string at path, "" where there is none.
func (o object) text(path ...string) string {
	s, _ := o.value(path...).(string)
	return s
}

// group returns the group of apiVersion, "" for the core group.
func (o object) group() string {
	group, _, found := strings.Cut(o.text("apiVersion"), "/")
	if !found {
		return ""
	}
	return group
}

// ordinal says what the n-th document of a file is.
func (o object) ordinal(n int) string {
	if o.text("kind") == "" {
		return fmt.Sprintf("document %d has no kind", n)
	}
	return fmt.Sprintf("document %d is %.60q of %.60q", n, o.text("kind"), o.text("apiVersion"))
}
