// SPDX-License-Identifier: Apache-2.0

package iso9660

import "io"

// An Extent is a run of bytes in the image.
type Extent struct{ Offset, Length int64 }

func (e Extent) end() int64 { return e.Offset + e.Length }

// Extents are the bytes of a file, in order. Runs that adjoin are one, so an
// empty file has none, and nearly every other file exactly one: writers put the
// sections of a file above 4 GiB side by side, which the standard does not demand.
// [io/fs.FileInfo.Sys] of a regular file returns a *Extents, the caller's own.
type Extents []Extent

// add appends one section.
func (x Extents) add(e Extent) Extents {
	if n := len(x); n > 0 && x[n-1].end() == e.Offset {
		x[n-1].Length += e.Length
		return x
	}
	return append(x, e)
}

// sections reads extents as one run of bytes.
type sections struct {
	r       io.ReaderAt
	extents Extents
}

// ReadAt reads p from off on, over as many extents as it takes.
func (s *sections) ReadAt(p []byte, off int64) (n int, err error) {
	for _, e := range s.extents {
		if off >= e.Length {
			off -= e.Length
			continue
		}
		want := int(min(int64(len(p)-n), e.Length-off))
		got, err := s.r.ReadAt(p[n:n+want], e.Offset+off)
		n += got
		if got < want {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		off = 0
	}
	return n, io.EOF
}
