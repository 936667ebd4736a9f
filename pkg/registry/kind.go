// SPDX-License-Identifier: Apache-2.0

package registry

import "strings"

// kinds is how many there are.
const kinds = int(kindReferrers) + 1

// kindOfPath tells what a request is about by how its path ends; what else is
// wrong with the path does not matter. Paths outside of /v2/ are kindNone.
func kindOfPath(path string) kind {
	rest, found := strings.CutPrefix(path, "/v2")
	switch {
	case !found || (rest != "" && rest[0] != '/'):
		return kindNone
	case rest == "" || rest == "/":
		return kindBase
	case rest == "/_catalog":
		return kindCatalog
	}
	rest, reference, _ := cutLast(rest)
	_, what, _ := cutLast(rest)
	return kindOf(what, reference)
}

// String returns a name for people and metrics.
func (k kind) String() string {
	switch k {
	case kindBase:
		return "base"
	case kindCatalog:
		return "catalog"
	case kindTags:
		return "tags"
	case kindManifest:
		return "manifest"
	case kindBlob:
		return "blob"
	case kindReferrers:
		return "referrers"
	default:
		return "other"
	}
}
