// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"io"
	"net/http"
)

// rangeWriter replaces the plain text with which http.ServeContent refuses a
// range by the specification's JSON.
type rangeWriter struct {
	http.ResponseWriter
	pieces  *pieces
	refused bool
}

// WriteHeader sends the headers, and for a refused range the whole answer.
func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		w.Header().Del("Docker-Content-Digest")
		writeError(w.ResponseWriter, errRange)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write drops the text that follows a refusal.
func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom sends what src has. What is short goes with the headers, which saves
// a system call.
func (w *rangeWriter) ReadFrom(src io.Reader) (int64, error) {
	content := part{Reader: src, pieces: w.pieces}
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok && remaining(src) > minPieceBytes {
		return to.ReadFrom(content)
	}
	return content.WriteTo(w.ResponseWriter)
}
