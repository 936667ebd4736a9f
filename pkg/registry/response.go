// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// rangeWriter replaces the plain text with which http.ServeContent refuses a
// range by the specification's JSON.
type rangeWriter struct {
	http.ResponseWriter
	buffers *sync.Pool
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

// copyBytes is how much of a blob is read and sent at a time: in pieces of
// 32 KiB, which is io.Copy's size, the system calls cost more.
const copyBytes = 128 << 10

// ReadFrom sends what src has.
func (w *rangeWriter) ReadFrom(src io.Reader) (sent int64, err error) {
	room := w.buffers.Get().(*[copyBytes]byte)
	defer w.buffers.Put(room)
	buf := room[:]
	for {
		n, readErr := src.Read(buf)
		if n > 0 {
			written, err := w.Write(buf[:n])
			sent += int64(written)
			if err != nil {
				return sent, err
			}
		}
		if readErr != nil {
			if errors.Is(readErr, io.EOF) {
				readErr = nil
			}
			return sent, readErr
		}
	}
}
