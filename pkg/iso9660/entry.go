// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"io"
	"io/fs"
)

// Entry is one entry of a tree, by its number. A file system of the kernel asks
// for entries so: by number, with no path and no file opened before. Entries
// are compared with ==, and cost no memory besides that of the FS.
type Entry struct {
	x *FS
	i uint32
}

// Entry returns the entry of a number, of which 0 is the root's, and whether
// there is one.
func (x *FS) Entry(number uint32) (Entry, bool) {
	return Entry{x, number}, int64(number) < int64(len(x.nodes))
}

// Number is the entry's own; it stays the same for as long as the image does.
func (e Entry) Number() uint32 { return e.i }

// Name is the entry's name in its directory, "" for the root.
func (e Entry) Name() string { return e.x.name(&e.x.nodes[e.i]) }

// Info describes the entry.
func (e Entry) Info() fs.FileInfo { return entry{e.x, e.i, e.Name()} }

// Child finds an entry of a directory by name.
func (e Entry) Child(name string) (Entry, error) {
	i, err := e.x.step(e.i, name)
	return Entry{e.x, i}, err
}

// Len returns how many entries a directory has, 0 for what is none.
func (e Entry) Len() int {
	if n := &e.x.nodes[e.i]; n.kind == kindDir {
		return int(n.size())
	}
	return 0
}

// At returns the i-th entry of a directory, sorted by name, with i from 0 to
// Len-1.
func (e Entry) At(i int) Entry { return Entry{e.x, e.x.nodes[e.i].first + uint32(i)} }

// Target returns what a symbolic link leads to, as it is written.
func (e Entry) Target() (string, error) {
	n := &e.x.nodes[e.i]
	if n.kind != kindLink {
		return "", errNoLink
	}
	return e.x.links[n.first], nil
}

// ReadAt reads the content of a regular file, as [io.ReaderAt] has it. Of an
// image that became shorter since it was opened the error is
// io.ErrUnexpectedEOF, not the end of the file.
func (e Entry) ReadAt(p []byte, off int64) (int, error) {
	switch n := &e.x.nodes[e.i]; {
	case n.kind == kindDir:
		return 0, errIsDir
	case n.kind != kindFile && n.kind != kindSections:
		return 0, errNoFile
	case off >= n.size() && len(p) > 0:
		return 0, io.EOF
	}
	return e.x.openFile(e.i, "").ReadAt(p, off)
}
