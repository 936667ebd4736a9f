// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"fmt"
	"io"
)

// sectorSize is the size of a logical sector (ECMA-119 6.1.2), and of a
// logical block too: every known writer uses 2048 for both.
const sectorSize = 2048

// image is the bytes of an image with their bounds.
type image struct {
	r      io.ReaderAt
	size   int64 // bytes there are
	volume int64 // bytes there should be, as the primary descriptor says; 0 before it is read
}

// contains says whether the image has the n bytes from off on. It cannot
// overflow, whatever the two numbers are.
func (im *image) contains(off, n int64) bool {
	return off >= 0 && n >= 0 && n <= im.size && off <= im.size-n
}

// readAt fills buf from off on, or says why it cannot.
func (im *image) readAt(buf []byte, off int64) error {
	if !im.contains(off, int64(len(buf))) {
		return im.truncated(off + int64(len(buf)))
	}
	n, err := im.r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		// The size that Open was given is not what is there.
		return fmt.Errorf("%w: %d bytes expected, and reading ended at byte %d", ErrTruncated, im.size, off+int64(n))
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(buf), off, err)
}

// truncated says that something should reach to the byte end. The volume size
// alone is no proof of a cut image, since some tools strip the 150 sectors of
// padding that mkisofs adds; it tells the user what size to look for.
func (im *image) truncated(end int64) error {
	return fmt.Errorf("%w: %d bytes expected, %d are there, and this one ends at byte %d",
		ErrTruncated, max(im.volume, end), im.size, end)
}
