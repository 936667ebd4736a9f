// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/url"
	"strings"
)

// target is what a path below /v2/ is about.
type target struct {
	kind      kind
	id, image string // the repository is <id>/<image>
	reference string // tag or digest
}

type kind int

const (
	kindNone kind = iota
	kindBase
	kindCatalog
	kindTags
	kindManifest
	kindBlob
	kindReferrers
)

// maxName is how long a repository's name may be: clients cut off hosts and
// names together at 255.
const maxName = 255

// parseTarget reads an escaped path. Each part of it is decoded once and by
// itself, so that an encoded slash is no slash.
func parseTarget(escaped string) (target, *apiError) {
	rest, found := strings.CutPrefix(escaped, "/v2")
	if !found || (rest != "" && rest[0] != '/') {
		return target{}, &errNoSuchPath
	}
	switch rest {
	case "", "/":
		return target{kind: kindBase}, nil
	case "/_catalog":
		return target{kind: kindCatalog}, nil
	}
	rest, ok := decode(rest[1:])
	if !ok {
		return target{}, &errNameInvalid
	}
	rest, reference, _ := cutLast(rest)
	name, what, found := cutLast(rest)
	t := target{kind: kindOf(what, reference), reference: reference}
	if !found || t.kind == kindNone {
		return target{}, &errNoSuchPath
	}
	if len(name) > maxName || !isName(name) {
		return target{}, &errNameInvalid
	}
	t.id, t.image, _ = strings.Cut(name, "/")
	return t, nil
}

// decode decodes the parts of a path. It reports false where one is no escape,
// or has a slash in it.
func decode(path string) (string, bool) {
	if !strings.Contains(path, "%") {
		return path, true
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil || strings.Contains(decoded, "/") {
			return "", false
		}
		parts[i] = decoded
	}
	return strings.Join(parts, "/"), true
}

// cutLast cuts the last part off a path.
func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:], i >= 0
}

// kindOf reads the last two parts of a path.
func kindOf(what, reference string) kind {
	switch {
	case what == "manifests":
		return kindManifest
	case what == "blobs":
		return kindBlob
	case what == "referrers":
		return kindReferrers
	case what == "tags" && reference == "list":
		return kindTags
	}
	return kindNone
}
