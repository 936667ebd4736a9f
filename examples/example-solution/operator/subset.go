// SPDX-License-Identifier: Apache-2.0

package main

// object and list are the shapes of JSON in unstructured objects.
type (
	object = map[string]any
	list   = []any
)

// contains tells whether have holds everything that want does: of objects, at
// least want's fields; of lists, as many items, each of which contains want's.
// So a Deployment with the API server's defaults contains the one that was sent.
func contains(have, want any) bool {
	switch want := want.(type) {
	case object:
		have, ok := have.(object)
		if !ok {
			return false
		}
		for key, w := range want {
			if h, ok := have[key]; !ok || !contains(h, w) {
				return false
			}
		}
		return true
	case list:
		have, ok := have.(list)
		if !ok || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !contains(have[i], want[i]) {
				return false
			}
		}
		return true
	default:
		return have == want
	}
}
