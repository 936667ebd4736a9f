// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// carriedOut returns objects as they are once a plan is carried out: its changes
// merged into them as server-side apply does, without defaults and validation. A
// conflict fails the test.
func carriedOut(t *testing.T, objects []*unstructured.Unstructured, p *plan.Plan) []*unstructured.Unstructured {
	t.Helper()
	byRef := map[plan.Ref]*unstructured.Unstructured{}
	for _, u := range objects {
		byRef[refOf(u)] = u
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		r := c.Object
		r.Version = ""
		switch c.Action {
		case plan.Create, plan.Replace:
			byRef[r] = merged(t, nil, c)
		case plan.Update:
			byRef[r] = merged(t, byRef[r], c)
		case plan.Delete:
			delete(byRef, r)
		}
	}
	var after []*unstructured.Unstructured
	for _, u := range objects {
		if now := byRef[refOf(u)]; now != nil {
			after = append(after, now)
			delete(byRef, refOf(u))
		}
	}
	for _, r := range slices.SortedFunc(maps.Keys(byRef), func(a, b plan.Ref) int { return strings.Compare(a.Describe(), b.Describe()) }) {
		after = append(after, byRef[r])
	}
	return after
}

func refOf(u *unstructured.Unstructured) plan.Ref {
	r := plan.RefOf(u)
	r.Version = ""
	return r
}

// fields is a part of metadata.managedFields.
type fields = map[string]any

// listKeys are the fields that tell the items of a list apart, by the name of the
// list.
var listKeys = map[string][]string{
	"containers": {"name"}, "env": {"name"}, "volumes": {"name"}, "volumeMounts": {"mountPath"}, "ports": {"port", "protocol"},
}

func merged(t *testing.T, live *unstructured.Unstructured, c *plan.Change) *unstructured.Unstructured {
	t.Helper()
	manifest := c.Manifest.DeepCopy()
	if c.Method == plan.Put {
		return manifest
	}
	operation := metav1.ManagedFieldsOperationApply
	if c.Method == plan.Patch {
		operation = metav1.ManagedFieldsOperationUpdate
	}
	own := ownedFields(manifest)
	result := &unstructured.Unstructured{Object: map[string]any{}}
	entries := map[string]fields{}
	if live != nil {
		result = live.DeepCopy()
		entries = managers(t, live)
	}
	id := "kubectl-solution " + string(operation)
	old := entries[id]
	if operation == metav1.ManagedFieldsOperationUpdate {
		own = unionOf(own, old)
	}
	others := fields{}
	for name, set := range entries {
		if name == id {
			continue
		}
		if c.Force || c.Method == plan.Patch {
			set = subtract(set, own)
			entries[name] = set
		} else if path := conflict(result.Object, manifest.Object, set, own, ""); path != "" {
			t.Errorf("%s: conflict with %s at %s", c.Object.Describe(), name, path)
		}
		others = unionOf(others, set)
	}
	dropFields(result.Object, old, unionOf(own, others))
	result.Object = mergeValue(result.Object, manifest.Object, "").(map[string]any)
	entries[id] = own
	setManagers(result, entries)
	return result
}

// ownedFields returns the fields of an object that whoever applies it owns.
func ownedFields(u *unstructured.Unstructured) fields {
	content := u.DeepCopy().Object
	for _, key := range []string{"apiVersion", "kind", "status"} {
		delete(content, key)
	}
	metadata := content["metadata"].(map[string]any)
	delete(metadata, "name")
	delete(metadata, "namespace")
	delete(metadata, "managedFields")
	return fieldsOf(content, "")
}

func fieldsOf(v any, name string) fields {
	set := fields{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			set["f:"+key] = fieldsOf(value, key)
		}
	case []any:
		for _, item := range v {
			key := itemKey(item, name)
			if key == "" {
				return fields{} // atomic
			}
			child := fieldsOf(item, "")
			child["."] = fields{}
			set[key] = child
		}
	}
	return set
}

// itemKey returns the key of an item of a list, "" where the list is atomic.
func itemKey(item any, name string) string {
	m, _ := item.(map[string]any)
	values := map[string]any{}
	for _, key := range listKeys[name] {
		if _, found := m[key]; !found {
			return ""
		}
		values[key] = m[key]
	}
	if len(values) == 0 {
		return ""
	}
	text, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	return "k:" + string(text)
}

func mergeValue(live, wanted any, name string) any {
	switch w := wanted.(type) {
	case map[string]any:
		l, isMap := live.(map[string]any)
		if !isMap {
			return wanted
		}
		result := maps.Clone(l)
		for key, value := range w {
			result[key] = mergeValue(l[key], value, key)
		}
		return result
	case []any:
		l, isList := live.([]any)
		if !isList || len(w) == 0 || itemKey(w[0], name) == "" {
			return wanted
		}
		result := slices.Clone(l)
		for _, item := range w {
			i := slices.IndexFunc(result, func(other any) bool { return itemKey(other, name) == itemKey(item, name) })
			if i < 0 {
				result = append(result, item)
			} else {
				result[i] = mergeValue(result[i], item, "")
			}
		}
		return result
	}
	return wanted
}

// dropFields removes what old has and keep has not.
func dropFields(object map[string]any, old, keep fields) {
	for key, child := range old {
		name, isField := strings.CutPrefix(key, "f:")
		if !isField {
			continue
		}
		if _, kept := keep[key]; !kept {
			delete(object, name)
			continue
		}
		switch v := object[name].(type) {
		case map[string]any:
			dropFields(v, child.(fields), keep[key].(fields))
		case []any:
			object[name] = dropItems(v, name, child.(fields), keep[key].(fields))
		}
	}
}

func dropItems(list []any, name string, old, keep fields) []any {
	return slices.DeleteFunc(list, func(item any) bool {
		key := itemKey(item, name)
		child, isOld := old[key].(fields)
		kept, isKept := keep[key].(fields)
		if isOld && isKept {
			dropFields(item.(map[string]any), child, kept)
		}
		return isOld && !isKept
	})
}

// conflict returns a field of two sets that is to be changed, "" for none.
func conflict(live, wanted any, theirs, own fields, name string) string {
	for key, child := range theirs {
		mine, shared := own[key].(fields)
		if !shared || key == "." {
			continue
		}
		l, w := childOf(live, key, name), childOf(wanted, key, name)
		if len(child.(fields)) > 0 && len(mine) > 0 {
			if path := conflict(l, w, child.(fields), mine, strings.TrimPrefix(key, "f:")); path != "" {
				return key + " " + path
			}
			continue
		}
		x, _ := json.Marshal(l)
		y, _ := json.Marshal(w)
		if string(x) != string(y) && l != nil {
			return key
		}
	}
	return ""
}

// childOf returns what a key of a set stands for.
func childOf(value any, key, list string) any {
	if name, isField := strings.CutPrefix(key, "f:"); isField {
		m, _ := value.(map[string]any)
		return m[name]
	}
	items, _ := value.([]any)
	for _, item := range items {
		if itemKey(item, list) == key {
			return item
		}
	}
	return nil
}

func unionOf(a, b fields) fields {
	result := maps.Clone(a)
	if result == nil {
		result = fields{}
	}
	for key, value := range b {
		mine, _ := result[key].(fields)
		result[key] = unionOf(mine, value.(fields))
	}
	return result
}

// subtract returns a without what is in b.
func subtract(a, b fields) fields {
	result := fields{}
	for key, value := range a {
		child := value.(fields)
		other, found := b[key].(fields)
		switch {
		case !found:
			result[key] = child
		case len(child) > 0 && len(other) > 0:
			if rest := subtract(child, other); len(rest) > 0 {
				result[key] = rest
			}
		}
	}
	return result
}

func managers(t *testing.T, u *unstructured.Unstructured) map[string]fields {
	t.Helper()
	entries := map[string]fields{}
	for _, entry := range u.GetManagedFields() {
		set := fields{}
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &set); err != nil {
			t.Fatal(err)
		}
		entries[entry.Manager+" "+string(entry.Operation)] = set
	}
	return entries
}

func setManagers(u *unstructured.Unstructured, entries map[string]fields) {
	var list []metav1.ManagedFieldsEntry
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		name, operation, _ := strings.Cut(id, " ")
		raw, err := json.Marshal(entries[id])
		if err != nil {
			panic(err)
		}
		list = append(list, metav1.ManagedFieldsEntry{
			Manager: name, Operation: metav1.ManagedFieldsOperationType(operation), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(raw)),
		})
	}
	u.SetManagedFields(list)
}
