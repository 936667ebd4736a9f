// SPDX-License-Identifier: Apache-2.0

package nginx

import "strconv"

// apiError is an error of the OCI distribution specification ("Error Codes").
type apiError struct {
	status        int
	code, message string
}

var (
	errUnsupported     = apiError{404, "UNSUPPORTED", "there is nothing at this path"}
	errNameUnknown     = apiError{404, "NAME_UNKNOWN", "no archive has this repository"}
	errManifestUnknown = apiError{404, "MANIFEST_UNKNOWN", "the repository has no such manifest"}
	errBlobUnknown     = apiError{404, "BLOB_UNKNOWN", "the repository has no such blob"}
	errDigestInvalid   = apiError{400, "DIGEST_INVALID", "a digest is sha256: and 64 hex digits in lower case"}
	errReadOnly        = apiError{405, "UNSUPPORTED", "this registry is read-only: images come from imported archives"}
	errRange           = apiError{416, "RANGE_INVALID", "the range is malformed, or beyond the end"}
	errUnavailable     = apiError{503, "UNAVAILABLE", "the archive's tree is not there, or cannot be read"}
)

// refuse answers with an error.
func (w *writer) refuse(e apiError) {
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.answer(e.status, encode(map[string][]body{"errors": {{e.code, e.message}}}))
}

// errorPages sets the error for a file that is not there.
func (g *generator) errorPages(missing apiError) {
	g.line(`error_page 404 = "%s";`, g.errorPage(missing))
	g.line(`error_page 403 500 = "%s";`, g.errorPage(errUnavailable))
	g.line(`error_page 405 413 = "%s";`, g.errorPage(errReadOnly))
	g.line(`error_page 416 = "%s";`, g.errorPage(errRange))
}

// errorPage is a path that no request can name: no name begins with "_", and it
// is internal.
func (g *generator) errorPage(e apiError) string {
	return g.base + "/_error/" + strconv.Itoa(e.status)
}

// errors are the locations of the error pages.
func (g *generator) errors() {
	for _, e := range []apiError{errBlobUnknown, errReadOnly, errRange, errUnavailable} {
		g.exact(g.errorPage(e), func() {
			g.line("internal;")
			g.line(apiVersion)
			if e == errReadOnly {
				g.line(`add_header Allow "GET, HEAD" always;`)
			}
			g.refuse(e)
		})
	}
}

// rest answers for what there is not.
func (g *generator) rest() {
	for _, r := range []struct {
		pattern string
		err     apiError
	}{
		{".+/referrers/sha256:" + hexPattern, apiError{}},
		{".+/(?:manifests|blobs|referrers)/[^/]*:[^/]*(?<!:" + hexPattern + ")", errDigestInvalid},
		{".+/manifests/[^/]+", errManifestUnknown},
		{".+/(?:blobs/[^/]+|tags/list)", errNameUnknown},
	} {
		g.matching(g.base+"/", r.pattern, func() {
			if r.err == (apiError{}) {
				g.line("default_type %s;", typeIndex)
			}
			g.line(apiVersion)
			g.readOnly()
			if r.err == (apiError{}) {
				g.answer(200, []byte(`{"schemaVersion":2,"mediaType":"`+typeIndex+`","manifests":[]}`))
				return
			}
			g.refuse(r.err)
		})
	}
}
