// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// checkFields checks that objects changed in those fields which the plan has named.
func (s *situation) checkFields(o *operation, p *plan.Plan, before map[plan.Ref]*unstructured.Unstructured) {
	s.t.Helper()
	if p == nil || len(p.Refusals) > 0 && !o.partial {
		return
	}
	for _, c := range p.Changes {
		was, is := before[c.Object], s.get(c.Object)
		if c.Action != plan.Update || p.IsRefused(c.Scope) || was == nil || is == nil {
			continue
		}
		changed := differing(was, is)
		var named []string
		for _, f := range c.Fields {
			named = append(named, f.Path)
		}
		for _, path := range changed {
			if !slices.ContainsFunc(named, func(n string) bool { return isWithin(path, n) || isWithin(n, path) }) {
				s.t.Errorf("%s: field %s has changed, and the plan names %q only", c.Object.Describe(), path, named)
			}
		}
		for _, path := range named {
			if !slices.ContainsFunc(changed, func(n string) bool { return isWithin(path, n) || isWithin(n, path) }) {
				s.t.Errorf("%s: field %s has not changed, as the plan says; %q have", c.Object.Describe(), path, changed)
			}
		}
	}
}

// isWithin reports whether path is that of a field in, or the same as, another.
func isWithin(path, of string) bool {
	rest, found := strings.CutPrefix(path, of)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// differing returns the paths of fields in which two states of an object differ.
func differing(was, is *unstructured.Unstructured) []string {
	was, is = was.DeepCopy(), is.DeepCopy()
	_, aggregates := is.Object["aggregationRule"]
	for _, u := range []*unstructured.Unstructured{was, is} {
		delete(u.Object, "status")
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
		if aggregates {
			delete(u.Object, "rules") // the cluster fills them in
		}
	}
	return differences("", "", was.Object, is.Object)
}

// listKeys are the fields that tell the items of lists apart, by the list's name. The items of others are not told apart.
var listKeys = map[string][]string{
	"containers": {"name"}, "env": {"name"}, "volumes": {"name"}, "volumeMounts": {"mountPath"}, "imagePullSecrets": {"name"},
}

func differences(path, name string, was, is any) []string {
	if equality.Semantic.DeepEqual(was, is) {
		return nil
	}
	a, isMap := was.(map[string]any)
	b, areMaps := is.(map[string]any)
	if keys := listKeys[name]; keys != nil {
		a, isMap = byKey(was, keys)
		b, areMaps = byKey(is, keys)
	}
	if !isMap && was != nil || !areMaps && is != nil || !isMap && !areMaps {
		return []string{path}
	}
	var list []string
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		part := key
		switch {
		case strings.HasPrefix(key, "["):
		case strings.ContainsAny(key, "./"):
			part = "[" + key + "]"
		case path != "":
			part = "." + key
		}
		list = append(list, differences(path+part, key, a[key], b[key])...)
	}
	return list
}

// byKey returns the items of a list by "[key]".
func byKey(list any, keys []string) (map[string]any, bool) {
	items, isList := list.([]any)
	named := map[string]any{}
	for _, item := range items {
		m, isMap := item.(map[string]any)
		if !isMap {
			return nil, false
		}
		var parts []string
		for _, key := range keys {
			parts = append(parts, fmt.Sprint(m[key]))
		}
		named["["+strings.Join(parts, ",")+"]"] = item
	}
	return named, isList
}
