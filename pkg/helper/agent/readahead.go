// SPDX-License-Identifier: Apache-2.0

package agent

import "io"

// aheadChunks is how many chunks are read before they are asked for.
const aheadChunks = 4

// chunk is a piece of a stream.
type chunk struct {
	data []byte
	err  error // that ended the stream, after data
	free chan<- []byte
}

// release lets the chunk's memory be used again.
func (c chunk) release() { c.free <- c.data[:cap(c.data)] }

// readAhead reads n bytes while those before are worked on. What arrived before
// an error is in the last chunk. A read that does not return outlives stop: it
// is one of a process's standard input, which ends with it.
func readAhead(in io.Reader, n int64) (chunks <-chan chunk, stop func()) {
	out, free, done := make(chan chunk), make(chan []byte, aheadChunks+1), make(chan struct{})
	for range aheadChunks {
		free <- make([]byte, chunkBytes)
	}
	go func() {
		for n > 0 {
			var c chunk
			select {
			case c.data = <-free:
			case <-done:
				return
			}
			count, err := io.ReadFull(in, c.data[:min(n, chunkBytes)])
			c.data, c.err, c.free = c.data[:count], err, free
			n -= int64(count)
			select {
			case out <- c:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out, func() { close(done) }
}
