// SPDX-License-Identifier: Apache-2.0

package cluster

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// ServedResource returns the kind that a CustomResourceDefinition defines, in
// one of the versions that it serves, and false where it serves none.
func ServedResource(definition *unstructured.Unstructured) (Resource, bool) {
	r := Resource{}
	r.Group, _, _ = unstructured.NestedString(definition.Object, "spec", "group")
	r.Kind, _, _ = unstructured.NestedString(definition.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, item := range versions {
		version, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if served, _ := version["served"].(bool); served {
			r.Version, _ = version["name"].(string)
		}
	}
	return r, r.Version != ""
}
