// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrNotISO means that the data has no ISO 9660 volume descriptor.
	ErrNotISO = errors.New("not an ISO 9660 image")

	// ErrNoLongNames means that the image has only plain ISO 9660 names.
	ErrNoLongNames = errors.New("the image has neither Rock Ridge nor Joliet names: plain ISO 9660 cuts" +
		" names to about 30 characters; rebuild it with mkisofs -R -J")

	// ErrTruncated means that something in the image lies beyond its end.
	ErrTruncated = errors.New("the image is truncated")
)

// A FormatError says what is wrong with an image, and where.
type FormatError struct {
	Path   string // slash-separated path in the image; empty outside the tree
	Offset int64  // byte in the image of the structure that is wrong
	Err    error  // what is wrong
}

// Error names the path, the byte and the 2048-byte sector.
func (e *FormatError) Error() string {
	where := fmt.Sprintf("byte %d, sector %d", e.Offset, e.Offset/sectorSize)
	if e.Path == "" {
		return fmt.Sprintf("bad ISO 9660 image (%s): %v", where, e.Err)
	}
	path := e.Path
	if quoted := strconv.Quote(path); quoted != `"`+path+`"` {
		path = quoted // an image may hold anything, and a terminal obey it
	}
	return fmt.Sprintf("bad ISO 9660 image: %s (%s): %v", path, where, e.Err)
}

// Unwrap gives the cause: [ErrTruncated], a read error, or a message alone.
func (e *FormatError) Unwrap() error { return e.Err }

// damaged is a FormatError outside the directory tree.
func damaged(offset int64, format string, args ...any) error {
	return &FormatError{Offset: offset, Err: fmt.Errorf(format, args...)}
}
