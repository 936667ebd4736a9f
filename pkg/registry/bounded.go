// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"io"
	"net/http"
	"time"
)

// boundedWriter gives the client a time for each piece of an answer, and notes
// what was sent.
type boundedWriter struct {
	http.ResponseWriter
	controller *http.ResponseController
	stall      time.Duration
	exchange
}

// exchange is a request and what became of it.
type exchange struct {
	start time.Time
	// began is when the answer did, after start; 0 before.
	began  time.Duration
	status int
	sent   int64
	// user is who was found to ask, "" for nobody.
	user string
}

func newBoundedWriter(w http.ResponseWriter, stall time.Duration) *boundedWriter {
	return &boundedWriter{
		ResponseWriter: w, controller: http.NewResponseController(w), stall: stall,
		exchange: exchange{start: time.Now(), status: http.StatusOK},
	}
}

// Unwrap is for http.ResponseController.
func (w *boundedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sends the headers.
func (w *boundedWriter) WriteHeader(status int) {
	w.status = status
	w.began = time.Since(w.start)
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

// ReadFrom sends what src has. A part comes down to the connection as it is,
// and has the deadline moved from there.
func (w *boundedWriter) ReadFrom(src io.Reader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	content, isPart := src.(part)
	if !ok || !isPart {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	w.extend()
	content.before = w.extend
	n, err := to.ReadFrom(content)
	w.sent += n
	return n, err
}

// extend moves the deadline. An error means that there is no connection, but a
// test.
func (w *boundedWriter) extend() {
	_ = w.controller.SetWriteDeadline(time.Now().Add(w.stall))
}

// refuseBody has a connection not wait for a body for long, and end after the
// answer: no request here has a body.
func (w *boundedWriter) refuseBody(timeout time.Duration) {
	// An error means that there is no connection, but a test.
	_ = w.controller.SetReadDeadline(time.Now().Add(timeout))
	w.Header().Set("Connection", "close")
}
