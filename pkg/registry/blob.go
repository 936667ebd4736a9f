// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// blob is a blob that is being served. It is read as long as its archive is
// what was opened: what is read is handed on only after that was checked, since
// a write changes the file's times before it changes its bytes.
type blob struct {
	io.ReadSeeker
	archive *opened
	digest  digest
	// failed is set by the goroutine that reads, which for several ranges is
	// not the one that answers.
	failed atomic.Bool
}

// Read returns io.EOF at the end of the blob only.
func (b *blob) Read(p []byte) (int, error) {
	n, err := b.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.Store(true)
		return 0, b.archive.damaged(fmt.Errorf("reading blob %s in %s: %w", b.digest, b.archive.path, cause(err)))
	}
	if err := b.archive.check(); err != nil {
		b.failed.Store(true)
		return 0, err
	}
	return n, err
}
