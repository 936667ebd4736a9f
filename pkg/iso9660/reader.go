// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"io"
	"io/fs"
)

// Reader reads the bytes of a file in an image. Of an image that became shorter
// since its tree was read, the error is io.ErrUnexpectedEOF, not the end of the
// file. ReadAt may be called by several goroutines at once.
type Reader struct{ run io.SectionReader }

var (
	_ io.ReadSeeker = (*Reader)(nil)
	_ io.ReaderAt   = (*Reader)(nil)
)

// NewReader returns a Reader of the file of the image that has these extents.
func NewReader(image io.ReaderAt, extents Extents) *Reader {
	r := newReader(image, extents)
	return &r
}

func newReader(image io.ReaderAt, x Extents) Reader {
	if len(x) == 1 {
		return newRunReader(image, x[0].Offset, x[0].Length)
	}
	return newRunReader(&sections{image, x}, 0, x.size())
}

func newRunReader(r io.ReaderAt, offset, size int64) Reader {
	return Reader{*io.NewSectionReader(r, offset, size)}
}

// Size is the length of the file.
func (r *Reader) Size() int64 { return r.run.Size() }

// Read reads on from where the last Read or Seek ended.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.run.Read(p)
	if err == nil {
		return n, nil
	}
	position, _ := r.run.Seek(0, io.SeekCurrent)
	return n, r.end(err, position)
}

// ReadAt reads p from the byte off of the file on.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	n, err := r.run.ReadAt(p, off)
	if err == nil {
		return n, nil
	}
	return n, r.end(err, off+int64(n))
}

// Seek moves to where Read goes on.
func (r *Reader) Seek(offset int64, whence int) (int64, error) { return r.run.Seek(offset, whence) }

// end tells the end of the file from an end that comes too early.
func (r *Reader) end(err error, position int64) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case position < r.Size():
		return io.ErrUnexpectedEOF
	}
	return io.EOF
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
