// SPDX-License-Identifier: Apache-2.0

package iso9660

// An Extent is a run of bytes in the image.
type Extent struct{ Offset, Length int64 }

func (e Extent) end() int64 { return e.Offset + e.Length }

// Extents are the bytes of a file, in order. Runs that adjoin are one, so an
// empty file has none, and nearly every other file exactly one: writers put the
// sections of a file above 4 GiB side by side, which the standard does not demand.
// [io/fs.FileInfo.Sys] of a regular file returns a *Extents, the caller's own;
// [NewReader] reads them when the tree is no longer there.
type Extents []Extent

// add appends one section.
func (x Extents) add(e Extent) Extents {
	if n := len(x); n > 0 && x[n-1].end() == e.Offset {
		x[n-1].Length += e.Length
		return x
	}
	return append(x, e)
}

// size is how many bytes they are.
func (x Extents) size() (sum int64) {
	for _, e := range x {
		sum += e.Length
	}
	return sum
}
