// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"io"
)

// part is what an answer has of some content, on its way to a connection.
type part struct {
	io.Reader
	pieces *pieces
	// before is called before each piece is sent, if it is set.
	before func()
}

var _ io.WriterTo = part{}

// WriteTo sends all of it, piece by piece: one is read while the client has yet
// to take those before it. The packages io and net call it when they have come
// down to what there is below TLS, if there is any, and buffers.
func (p part) WriteTo(w io.Writer) (sent int64, err error) {
	buf := p.pieces.get(remaining(p.Reader))
	defer p.pieces.put(buf)
	for {
		n, readErr := p.Read(*buf)
		if n > 0 {
			if p.before != nil {
				p.before()
			}
			written, err := w.Write((*buf)[:n])
			sent += int64(written)
			if err != nil {
				return sent, err
			}
		}
		if errors.Is(readErr, io.EOF) {
			return sent, nil
		}
		if readErr != nil {
			return sent, readErr
		}
	}
}

// remaining is how much there is to read at most.
func remaining(r io.Reader) int64 {
	if limited, ok := r.(*io.LimitedReader); ok {
		return limited.N
	}
	return pieceBytes
}
