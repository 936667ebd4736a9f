// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// fieldSet is a set of fields as metadata.managedFields has it (fieldsV1): keys
// are "f:<name>", "k:<JSON of the keys of a list item>", "v:<JSON value>" and
// ".", and a field without children is owned whole.
type fieldSet map[string]any

func (s fieldSet) child(key string) (fieldSet, bool) {
	child, found := s[key]
	if !found {
		return nil, false
	}
	set, _ := child.(map[string]any)
	return set, true
}

// isLeaf reports whether a field is owned whole, and not field by field.
func (s fieldSet) isLeaf() bool {
	for key := range s {
		if key != "." {
			return false
		}
	}
	return true
}

// managed is what one manager owns of an object.
type managed struct {
	manager   string
	operation metav1.ManagedFieldsOperationType
	fields    fieldSet
}

func managedFields(live *unstructured.Unstructured) []managed {
	var list []managed
	for _, entry := range live.GetManagedFields() {
		m := managed{manager: entry.Manager, operation: entry.Operation}
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &m.fields) != nil {
			continue
		}
		list = append(list, m)
	}
	return list
}

// difference is a field in which a live object is not as wanted.
type difference struct {
	path     []string
	from, to any
}

// differences returns in which fields live is not as wanted: those that differ,
// and those that v1alpha1.FieldManager has applied and that are not wanted any
// more. What others have set besides is no difference.
//
// Whether a list is compared as a whole or item by item is in the managed fields
// of live: they follow the server's schema.
func differences(wanted, live *unstructured.Unstructured) []difference {
	applied, known := fieldSet{}, fieldSet{}
	for _, m := range managedFields(live) {
		if m.manager == v1alpha1.FieldManager && m.operation == metav1.ManagedFieldsOperationApply {
			applied = merge(applied, m.fields)
		}
		known = merge(known, m.fields)
	}
	c := comparison{}
	for _, key := range slices.Sorted(maps.Keys(wanted.Object)) {
		if key == "apiVersion" || key == "kind" || key == "status" {
			continue
		}
		own, _ := applied.child("f:" + key)
		all, _ := known.child("f:" + key)
		c.value([]string{key}, wanted.Object[key], live.Object[key], hasKey(live.Object, key), own, all)
	}
	c.removed(nil, wanted.Object, live.Object, applied)
	return c.found
}

type comparison struct{ found []difference }

func (c *comparison) add(path []string, from, to any) {
	c.found = append(c.found, difference{path: slices.Clone(path), from: from, to: to})
}

// value compares one field. applied are the fields below it that we applied,
// known those that anyone owns, nil where nobody owns the field itself.
func (c *comparison) value(path []string, wanted, live any, inLive bool, applied, known fieldSet) {
	switch w := wanted.(type) {
	case map[string]any:
		l, isMap := live.(map[string]any)
		isAtomic := known != nil && known.isLeaf() && len(l) > 0
		if isMap && !isAtomic {
			c.fields(path, w, l, applied, known)
			return
		}
	case []any:
		l, isList := live.([]any)
		if isList && isAssociative(known) {
			c.items(path, w, l, applied, known)
			return
		}
	}
	if !equal(wanted, live) && (inLive || !isZero(wanted)) {
		c.add(path, live, wanted)
	}
}

func (c *comparison) fields(path []string, wanted, live map[string]any, applied, known fieldSet) {
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		own, _ := applied.child("f:" + key)
		all, _ := known.child("f:" + key)
		c.value(append(path, key), wanted[key], live[key], hasKey(live, key), own, all)
	}
	c.removed(path, wanted, live, applied)
}

// removed finds fields that we applied, are there, and are not wanted any more.
func (c *comparison) removed(path []string, wanted, live map[string]any, applied fieldSet) {
	for _, key := range slices.Sorted(maps.Keys(applied)) {
		name, isField := strings.CutPrefix(key, "f:")
		if !isField || hasKey(wanted, name) || !hasKey(live, name) {
			continue
		}
		c.add(append(path, name), live[name], nil)
	}
}

// items compares a list whose items have keys.
func (c *comparison) items(path []string, wanted, live []any, applied, known fieldSet) {
	keys := itemKeys(known)
	for _, w := range wanted {
		name := itemName(w, keys)
		i := slices.IndexFunc(live, func(l any) bool { return itemName(l, keys) == name })
		if i < 0 {
			c.add(append(path, name), nil, w)
			continue
		}
		wm, isMap := w.(map[string]any)
		lm, isLiveMap := live[i].(map[string]any)
		if !isMap || !isLiveMap {
			continue // a set: it is there
		}
		c.fields(append(path, name), wm, lm, itemSet(applied, lm), itemSet(known, lm))
	}
	for _, key := range slices.Sorted(maps.Keys(applied)) {
		if key == "." {
			continue
		}
		isWanted := slices.ContainsFunc(wanted, func(w any) bool { return matchesItem(key, w) })
		i := slices.IndexFunc(live, func(l any) bool { return matchesItem(key, l) })
		if !isWanted && i >= 0 {
			c.add(append(path, itemName(live[i], keys)), live[i], nil)
		}
	}
}

// isAssociative reports whether a set is that of a list whose items have keys
// or are values of a set.
func isAssociative(set fieldSet) bool {
	for key := range set {
		if strings.HasPrefix(key, "k:") || strings.HasPrefix(key, "v:") {
			return true
		}
	}
	return false
}

// itemKeys returns the names of the fields that tell the items of a list apart.
func itemKeys(set fieldSet) []string {
	for key := range set {
		var fields map[string]any
		if text, ok := strings.CutPrefix(key, "k:"); ok && json.Unmarshal([]byte(text), &fields) == nil {
			return slices.Sorted(maps.Keys(fields))
		}
	}
	return nil
}

// matchesItem reports whether an item of a list is the one of a key in a set.
func matchesItem(key string, item any) bool {
	if text, ok := strings.CutPrefix(key, "v:"); ok {
		var value any
		return json.Unmarshal([]byte(text), &value) == nil && equal(value, item)
	}
	var fields map[string]any
	text, ok := strings.CutPrefix(key, "k:")
	if !ok || json.Unmarshal([]byte(text), &fields) != nil {
		return false
	}
	m, isMap := item.(map[string]any)
	for name, value := range fields {
		if !isMap || !equal(value, m[name]) {
			return false
		}
	}
	return true
}

func itemSet(set fieldSet, item map[string]any) fieldSet {
	for key := range set {
		if matchesItem(key, item) {
			child, _ := set.child(key)
			if child == nil {
				child = fieldSet{}
			}
			return child
		}
	}
	return nil
}

// itemName names an item of a list in a path.
func itemName(item any, keys []string) string {
	m, isMap := item.(map[string]any)
	if !isMap {
		return "[" + compact(item) + "]"
	}
	parts := make([]string, 0, len(keys))
	for _, key := range keys {
		if hasKey(m, key) {
			parts = append(parts, fmt.Sprint(m[key]))
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// merge returns the union of two sets, and changes neither.
func merge(a, b fieldSet) fieldSet {
	union := make(fieldSet, len(a)+len(b))
	maps.Copy(union, a)
	for key, value := range b {
		mine, _ := union[key].(map[string]any)
		other, _ := value.(map[string]any)
		union[key] = map[string]any(merge(mine, other))
	}
	return union
}

// owners returns who owns the field of a path, or a part of it, besides
// v1alpha1.FieldManager. Of a field that is absent they own that it is: what is
// around it does not count.
func owners(live *unstructured.Unstructured, path []string, absent bool) []string {
	owns := fieldSet.owns
	if absent {
		owns = fieldSet.has
	}
	var names []string
	for _, m := range managedFields(live) {
		if m.manager != v1alpha1.FieldManager && owns(m.fields, live.Object, path) && !slices.Contains(names, m.manager) {
			names = append(names, m.manager)
		}
	}
	return names
}

// owns reports whether the set has the field of a path in value, one above it
// that is owned whole, or one below it.
func (s fieldSet) owns(value any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	if len(s) == 0 {
		return false
	}
	if !strings.HasPrefix(path[0], "[") {
		child, found := s.child("f:" + path[0])
		m, _ := value.(map[string]any)
		return found && (child.isLeaf() || child.owns(m[path[0]], path[1:]))
	}
	items, _ := value.([]any)
	keys := itemKeys(s)
	for _, item := range items {
		if itemName(item, keys) != path[0] {
			continue
		}
		for key := range s {
			if matchesItem(key, item) {
				child, _ := s.child(key)
				return len(path) == 1 || child.owns(item, path[1:])
			}
		}
	}
	return false
}

// has reports whether the set has the field of a path itself.
func (s fieldSet) has(value any, path []string) bool {
	for i, part := range path {
		if strings.HasPrefix(part, "[") {
			return i < len(path)-1 && s.owns(value, path[i:])
		}
		child, found := s.child("f:" + part)
		if !found {
			return false
		}
		m, _ := value.(map[string]any)
		s, value = child, m[part]
	}
	return true
}

// pathText writes a path as kubectl does: spec.containers[name].image.
func pathText(path []string) string {
	var b strings.Builder
	for i, part := range path {
		isItem := strings.HasPrefix(part, "[")
		if i > 0 && !isItem {
			b.WriteByte('.')
		}
		if !isItem && strings.ContainsAny(part, "./") {
			part = "[" + part + "]"
		}
		b.WriteString(part)
	}
	return strings.ReplaceAll(b.String(), ".[", "[")
}

func hasKey(m map[string]any, key string) bool { _, found := m[key]; return found }

// isZero reports whether a value says nothing: the API server leaves such fields
// out. An empty object says something, as emptyDir does.
func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

// equal compares JSON values. Fields that say nothing count as absent, but for
// the default of a schema; numbers count by their value.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		return ok && covers(m, a) && covers(a, m)
	case []any:
		list, ok := b.([]any)
		if !ok {
			return len(a) == 0 && b == nil
		}
		return slices.EqualFunc(a, list, equal)
	case string, bool, nil:
		return a == b
	}
	x, okX := number(a)
	y, okY := number(b)
	return okX && okY && x == y
}

// covers reports whether every field of b that says something is in a.
func covers(a, b map[string]any) bool {
	for key, value := range b {
		other, found := a[key]
		if found && !equal(value, other) || !found && (key == "default" || !isZero(value)) {
			return false
		}
	}
	return true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		f, err := strconv.ParseFloat(v.String(), 64)
		return f, err == nil
	}
	return 0, false
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
