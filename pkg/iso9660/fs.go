// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"fmt"
	"io"
	"io/fs"
	"path"
)

// Naming is where the names of an image come from.
type Naming int

// The namings, best first.
const (
	RockRidge Naming = iota + 1
	Joliet
)

// String gives the naming as people write it.
func (n Naming) String() string {
	switch n {
	case RockRidge:
		return "Rock Ridge"
	case Joliet:
		return "Joliet"
	}
	return fmt.Sprintf("Naming(%d)", int(n))
}

// FS is the tree of an image. It never changes, and so may be used by several
// goroutines at once if the image's reader may.
//
// A path that crosses symbolic links is followed inside the image only: one
// that is absolute, or leads above the root, is an error. Modes are 0444 and
// 0555, whatever the image says: it is read-only, and who may read it is not
// for the image to tell. Times are those of the directory records.
type FS struct {
	image    *image
	label    string
	naming   Naming
	nodes    []node // the root first
	names    string
	links    []string
	sections []Extents // of the files that have several
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// Open indexes an image of size bytes: its volume descriptors and the whole
// directory tree. It reads nothing of the content of files, but checks that the image has it.
//
// The error is, for errors.Is, [ErrNotISO], [ErrNoLongNames] or
// [ErrTruncated]; anything else wrong with the image is a [*FormatError].
func Open(r io.ReaderAt, size int64) (*FS, error) {
	im := &image{r: r, size: size}
	v, err := readVolumes(im)
	if err != nil {
		return nil, err
	}
	rr, err := detectRockRidge(im, &v.primary.root)
	if err != nil {
		return nil, err
	}
	switch {
	case rr != nil:
		return openTree(im, rr, v.primary, RockRidge, string(utf8Name(v.primary.label)))
	case v.joliet != nil:
		return openTree(im, joliet{}, v.joliet, Joliet, string(appendUCS2(nil, v.joliet.label)))
	}
	return nil, ErrNoLongNames
}

func openTree(im *image, names decoder, v *volume, naming Naming, label string) (*FS, error) {
	x, err := walk(im, names, &v.root)
	if err != nil {
		return nil, err
	}
	x.naming, x.label = naming, trimLabel(label)
	return x, nil
}

// VolumeID is the label of the volume that the names come from.
func (x *FS) VolumeID() string { return x.label }

// Naming says where the names come from.
func (x *FS) Naming() Naming { return x.naming }

// Open opens a file or directory. A regular file is an [io.ReaderAt] and an
// [io.Seeker] too.
func (x *FS) Open(name string) (fs.File, error) {
	i, err := x.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	switch n := &x.nodes[i]; n.kind {
	case kindDir:
		return &openDir{entry: x.entryAs(i, name), next: int64(n.first)}, nil
	case kindFile, kindSections:
		return x.openFile(i, name), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errNoFile}
}

// Stat describes a file, and follows symbolic links.
func (x *FS) Stat(name string) (fs.FileInfo, error) { return x.stat("stat", name, true) }

// Lstat describes a file, and not what it links to.
func (x *FS) Lstat(name string) (fs.FileInfo, error) { return x.stat("lstat", name, false) }

func (x *FS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	i, err := x.lookup(op, name, follow)
	if err != nil {
		return nil, err
	}
	return x.entryAs(i, name), nil
}

// ReadLink returns the target of a symbolic link as it is written, wherever it leads.
func (x *FS) ReadLink(name string) (string, error) {
	i, err := x.lookup("readlink", name, false)
	if err != nil {
		return "", err
	}
	n := &x.nodes[i]
	if n.kind != kindLink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errNoLink}
	}
	return x.links[n.first], nil
}

// ReadDir lists a directory, sorted by name.
func (x *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	i, err := x.lookup("readdir", name, true)
	if err != nil {
		return nil, err
	}
	d := &x.nodes[i]
	if d.kind != kindDir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	return x.list(int64(d.first), int64(d.first)+d.size()), nil
}

// ReadFile reads a whole file. Its size was checked against the image's by
// Open, so a damaged image cannot ask for more memory than it has bytes.
func (x *FS) ReadFile(name string) ([]byte, error) {
	i, err := x.lookup("read", name, true)
	if err != nil {
		return nil, err
	}
	n := &x.nodes[i]
	switch {
	case n.kind == kindDir:
		err = errIsDir
	case n.kind != kindFile && n.kind != kindSections:
		err = errNoFile
	case n.size() != int64(int(n.size())):
		err = errMemory
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	buf := make([]byte, n.size())
	_, err = io.ReadFull(x.openFile(i, path.Base(name)), buf)
	return buf, err
}
