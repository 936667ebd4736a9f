// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"
)

// entry describes one node: both fs.FileInfo and fs.DirEntry.
type entry struct {
	x    *FS
	i    uint32
	name string
}

var (
	_ fs.FileInfo = entry{}
	_ fs.DirEntry = entry{}
)

// entryAs is the node i under the name by which it was asked for.
func (x *FS) entryAs(i uint32, name string) entry { return entry{x, i, path.Base(name)} }

func (e entry) node() *node                { return &e.x.nodes[e.i] }
func (e entry) Name() string               { return e.name }
func (e entry) IsDir() bool                { return e.node().kind == kindDir }
func (e entry) Type() fs.FileMode          { return e.Mode().Type() }
func (e entry) ModTime() time.Time         { return e.node().date.time() }
func (e entry) Info() (fs.FileInfo, error) { return e, nil }
func (e entry) String() string             { return fs.FormatFileInfo(e) }

// Size is the length of a file or of a link's target, and 0 for all else.
func (e entry) Size() int64 {
	if n := e.node(); n.kind != kindDir {
		return n.size()
	}
	return 0
}

func (e entry) Mode() fs.FileMode {
	switch e.node().kind {
	case kindDir:
		return fs.ModeDir | 0o555
	case kindLink:
		return fs.ModeSymlink | 0o777
	case kindOther:
		return fs.ModeIrregular | 0o444
	}
	return 0o444
}

// Sys returns the *Extents of a regular file, and nil for all else.
func (e entry) Sys() any {
	n := e.node()
	switch {
	case n.kind == kindSections:
		x := slices.Clone(e.x.sections[n.first])
		return &x
	case n.kind == kindFile && n.size() == 0:
		return &Extents{}
	case n.kind == kindFile:
		return &Extents{{Offset: n.offset(), Length: n.size()}}
	}
	return nil
}

// list makes directory entries of the nodes from i up to end.
func (x *FS) list(i, end int64) []fs.DirEntry {
	out := make([]fs.DirEntry, 0, end-i)
	for ; i < end; i++ {
		out = append(out, entry{x, uint32(i), x.name(&x.nodes[i])})
	}
	return out
}

// openDir is an open directory.
type openDir struct {
	entry
	next   int64 // node to list next
	closed bool
}

var _ fs.ReadDirFile = (*openDir)(nil)

func (d *openDir) Stat() (fs.FileInfo, error) { return d.entry, nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errIsDir}
}

func (d *openDir) Close() error { return closeOnce(&d.closed, d.name) }

// ReadDir lists the next n entries, or with n <= 0 all that are left.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.name, Err: fs.ErrClosed}
	}
	end := int64(d.node().first) + d.node().size()
	if n > 0 {
		if d.next == end {
			return nil, io.EOF
		}
		end = min(end, d.next+int64(n))
	}
	first := d.next
	d.next = end
	return d.x.list(first, end), nil
}

// openFile is an open regular file.
type openFile struct {
	entry
	r      Reader
	closed bool
}

var (
	_ fs.File     = (*openFile)(nil)
	_ io.ReaderAt = (*openFile)(nil)
	_ io.Seeker   = (*openFile)(nil)
)

func (x *FS) openFile(i uint32, name string) *openFile {
	n := &x.nodes[i]
	f := &openFile{entry: x.entryAs(i, name)}
	if n.kind == kindSections {
		f.r = newReader(x.image.r, x.sections[n.first])
	} else {
		f.r = newRunReader(x.image.r, n.offset(), n.size())
	}
	return f
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.entry, nil }

func (f *openFile) Close() error { return closeOnce(&f.closed, f.name) }

// Read reads on from where the last Read or Seek ended.
func (f *openFile) Read(p []byte) (int, error) {
	if f.closed {
		return 0, f.fail("read", fs.ErrClosed)
	}
	n, err := f.r.Read(p)
	return n, f.fail("read", err)
}

// ReadAt may be called by several goroutines at once.
func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	if f.closed {
		return 0, f.fail("read", fs.ErrClosed)
	}
	n, err := f.r.ReadAt(p, off)
	return n, f.fail("read", err)
}

// Seek moves to where Read goes on.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	if f.closed {
		return 0, f.fail("seek", fs.ErrClosed)
	}
	n, err := f.r.Seek(offset, whence)
	return n, f.fail("seek", err)
}

// fail has an error name the file, but for the end of it.
func (f *openFile) fail(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// closeOnce closes, and refuses to do so twice.
func closeOnce(closed *bool, name string) error {
	if *closed {
		return &fs.PathError{Op: "close", Path: name, Err: fs.ErrClosed}
	}
	*closed = true
	return nil
}
