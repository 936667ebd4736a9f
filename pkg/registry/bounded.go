// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"time"
)

// boundedWriter gives the client stallTimeout for each piece of an answer, and
// notes what was sent.
type boundedWriter struct {
	http.ResponseWriter
	controller *http.ResponseController
	status     int
	sent       int64
}

// WriteHeader sends the headers.
func (w *boundedWriter) WriteHeader(status int) {
	w.status = status
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a piece of the answer.
func (w *boundedWriter) Write(p []byte) (int, error) {
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// extend moves the deadline. An error means that there is no connection, but a
// test.
func (w *boundedWriter) extend() {
	_ = w.controller.SetWriteDeadline(time.Now().Add(stallTimeout))
}

// logAccess tells the log of a request that has ended.
func (s *Server) logAccess(r *http.Request, w *boundedWriter, took time.Duration) {
	attributes := []any{
		"method", r.Method, "path", r.URL.EscapedPath(), "status", w.status, "bytes", w.sent,
		"took", took.Round(time.Microsecond), "client", r.RemoteAddr, "agent", r.UserAgent(),
	}
	if part := r.Header.Get("Range"); part != "" {
		attributes = append(attributes, "range", part)
	}
	s.Log.Info("request", attributes...)
}
