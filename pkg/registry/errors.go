// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// apiError is an error of the OCI distribution specification ("Error Codes").
type apiError struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

// UNAVAILABLE, RANGE_INVALID and PAGINATION_NUMBER_INVALID are not in the
// specification's table; the distribution project uses them.
var (
	errNameInvalid     = apiError{http.StatusBadRequest, "NAME_INVALID", "this is no name of a repository"}
	errNameUnknown     = apiError{http.StatusNotFound, "NAME_UNKNOWN", "no imported archive has this repository"}
	errDigestInvalid   = apiError{http.StatusBadRequest, "DIGEST_INVALID", "a digest is sha256: and 64 hex digits in lower case"}
	errManifestUnknown = apiError{http.StatusNotFound, "MANIFEST_UNKNOWN", "the repository has no such manifest"}
	errBlobUnknown     = apiError{http.StatusNotFound, "BLOB_UNKNOWN", "no imported archive has this blob"}
	errNoSuchPath      = apiError{http.StatusNotFound, "UNSUPPORTED", "there is nothing at this path"}
	errReadOnly        = apiError{http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read-only: images come from imported archives"}
	errRange           = apiError{http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID", "the range is malformed, or beyond the end"}
	errPageSize        = apiError{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is no number of entries"}
	errUnavailable     = apiError{http.StatusServiceUnavailable, "UNAVAILABLE", "the archive has changed or cannot be read; it is being opened again"}
	errNotChecked      = apiError{http.StatusServiceUnavailable, "UNAVAILABLE", "the archive is being checked before it is served; try again later"}
)

func writeError(w http.ResponseWriter, e apiError) {
	if e.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	writeJSON(w, e.status, "application/json", map[string][]apiError{"errors": {e}})
}

// writeJSON answers with what encoding cannot fail on.
func writeJSON(w http.ResponseWriter, status int, contentType string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		status, data = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	// An error means that the client is gone. A body is not sent to a HEAD.
	_, _ = w.Write(data)
}
