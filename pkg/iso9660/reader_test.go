// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"
)

// A file is read by its extents alone, as it is through the tree.
func TestReader(t *testing.T) {
	x, want := parts(t)
	for name, content := range map[string][]byte{"parts": want, "whole": want[sectorSize:][:2*sectorSize]} {
		e := extents(t, x, name)
		if name == "whole" {
			content = content[:e.size()]
		}
		r := NewReader(x.image.r, e)
		if r.Size() != int64(len(content)) {
			t.Errorf("%s: %d bytes, want %d", name, r.Size(), len(content))
		}
		if err := iotest.TestReader(r, content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := NewReader(x.image.r, nil)
	if n, err := empty.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) || empty.Size() != 0 {
		t.Errorf("an empty file: %d bytes, %v", n, err)
	}
	if _, err := empty.ReadAt(nil, -1); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("at -1: %v", err)
	}
	if _, err := empty.Seek(-1, io.SeekStart); err == nil {
		t.Error("it can be read from before its beginning")
	}
}

// An image that ends in any of a file's extents, or before the last, is told
// from a file that ends.
func TestReaderTruncated(t *testing.T) {
	x, want := parts(t)
	e := extents(t, x, "parts")
	// The extents lie at sectors 34, 30 and 37: cut off is what is behind n.
	for _, c := range []struct {
		sectors int64
		extra   int64
		whole   int
	}{
		{37, 99, len(want) - 1},
		{37, 0, len(want) - 100},
		{35, 0, len(want) - 100},
		{34, 5, 5},
		{30, 5, 0},
	} {
		n := c.sectors*sectorSize + c.extra
		r := NewReader(io.NewSectionReader(x.image.r, 0, n), e)
		got, err := io.ReadAll(r)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != c.whole || string(got) != string(want[:c.whole]) {
			t.Errorf("cut at %d: %d bytes, %v; want %d", n, len(got), err, c.whole)
		}
		if n, err := r.ReadAt(make([]byte, len(want)), 0); !errors.Is(err, io.ErrUnexpectedEOF) || n != c.whole {
			t.Errorf("ReadAt: %d bytes, %v; want %d", n, err, c.whole)
		}
		failing := NewReader(failing{}, e)
		if _, err := failing.Read(make([]byte, 1)); !errors.Is(err, errDisk) {
			t.Errorf("a failing disk: %v", err)
		}
	}
}
