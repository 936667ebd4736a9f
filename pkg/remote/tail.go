// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"strings"
	"sync"
)

// tailSize is how much of a command's standard error is kept, in bytes.
const tailSize = 4 << 10

// Tail is a writer that keeps the end of what is written to it, 4 KiB at most.
// Its zero value is ready for use, by several goroutines.
type Tail struct {
	mu   sync.Mutex
	data []byte
}

// Write keeps the end of p; it never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	if drop := len(t.data) + len(p) - tailSize; drop > 0 {
		t.data = append(t.data[:0], t.data[drop:]...)
	}
	t.data = append(t.data, p...)
	return n, nil
}

// String returns what is kept, without bytes that are not UTF-8, such as those
// of a character that was cut.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.data), "")
}
