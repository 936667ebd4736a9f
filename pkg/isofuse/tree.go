// SPDX-License-Identifier: Apache-2.0

//go:build linux

package isofuse

import (
	"errors"
	"io/fs"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// forever is for how long, in seconds, the kernel may keep attributes, entries
// and the absence of entries.
const forever = 1 << 31

// preferredRead is what programs are told to read at a time, in bytes.
const preferredRead = 128 << 10

// tree answers the kernel's requests. Those that are not here are answered by
// ENOSYS; those that would write do not come, since the mount is read-only.
type tree struct {
	fuse.RawFileSystem
	image *image
}

// entry finds what an inode's number stands for: the kernel begins with 1.
func (t *tree) entry(node uint64) (iso9660.Entry, fuse.Status) {
	if node == 0 || node > 1<<32 {
		return iso9660.Entry{}, fuse.ENOENT
	}
	e, found := t.image.tree.Entry(uint32(node - 1))
	if !found {
		return e, fuse.ENOENT
	}
	return e, fuse.OK
}

func inode(e iso9660.Entry) uint64 { return uint64(e.Number()) + 1 }

// attributes are those of the kernel's own iso9660 in their meaning: owned by
// root, and every directory with one link, which tells programs not to count.
func attributes(e iso9660.Entry) fuse.Attr {
	info := e.Info()
	size := uint64(info.Size())
	a := fuse.Attr{
		Ino: inode(e), Size: size, Blocks: (size + 511) / 512, Blksize: preferredRead,
		Mode: systemMode(info.Mode()), Nlink: 1,
	}
	if at := info.ModTime(); !at.IsZero() {
		a.SetTimes(&at, &at, &at)
	}
	return a
}

// systemMode is a mode as the kernel has it. Of devices, pipes and sockets the
// reader keeps only that they are there: a socket is what nobody can open.
func systemMode(mode fs.FileMode) uint32 {
	kind := uint32(unix.S_IFREG)
	switch {
	case mode.IsDir():
		kind = unix.S_IFDIR
	case mode.Type() == fs.ModeSymlink:
		kind = unix.S_IFLNK
	case !mode.IsRegular():
		kind = unix.S_IFSOCK
	}
	return kind | uint32(mode.Perm())
}

func describe(e iso9660.Entry, out *fuse.EntryOut) {
	out.Attr = attributes(e)
	out.NodeId, out.Generation = out.Ino, 1
	out.EntryValid, out.AttrValid = forever, forever
}

// Lookup finds an entry of a directory. What is not there is not there for
// ever: that is an entry with the number 0.
func (t *tree) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	dir, status := t.entry(header.NodeId)
	if status != fuse.OK {
		return status
	}
	e, err := dir.Child(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out.NodeId, out.EntryValid = 0, forever
		return fuse.OK
	case err != nil:
		return fuse.ENOTDIR
	}
	describe(e, out)
	return fuse.OK
}

// GetAttr describes an entry.
func (t *tree) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	e, status := t.entry(in.NodeId)
	if status == fuse.OK {
		out.Attr, out.AttrValid = attributes(e), forever
	}
	return status
}

// Readlink returns a link's target, which may lead out of the mount.
func (t *tree) Readlink(_ <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	e, status := t.entry(header.NodeId)
	if status != fuse.OK {
		return nil, status
	}
	target, err := e.Target()
	if err != nil {
		return nil, fuse.EINVAL
	}
	return []byte(target), fuse.OK
}

// OpenDir has the kernel keep directories.
func (t *tree) OpenDir(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_CACHE_DIR
	return fuse.OK
}

// ReadDir lists a directory from the offset-th entry on.
func (t *tree) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return t.list(in, func(e iso9660.Entry) bool {
		return out.AddDirEntry(fuse.DirEntry{Name: e.Name(), Ino: inode(e), Mode: systemMode(e.Info().Mode())})
	})
}

// ReadDirPlus lists a directory and describes its entries.
func (t *tree) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return t.list(in, func(e iso9660.Entry) bool {
		entry := out.AddDirLookupEntry(fuse.DirEntry{Name: e.Name(), Ino: inode(e), Mode: systemMode(e.Info().Mode())})
		if entry != nil {
			describe(e, entry)
		}
		return entry != nil
	})
}

// list calls add for entries until it returns false, as it does when there is
// no room left in the answer.
func (t *tree) list(in *fuse.ReadIn, add func(iso9660.Entry) bool) fuse.Status {
	dir, status := t.entry(in.NodeId)
	if status != fuse.OK {
		return status
	}
	for i := in.Offset; i < uint64(dir.Len()) && add(dir.At(int(i))); i++ {
	}
	return fuse.OK
}

// GetXAttr tells, of the root, which state of the archive is mounted. Answers
// are not kept by the kernel: they tell that the file system is alive.
func (t *tree) GetXAttr(_ <-chan struct{}, header *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	if header.NodeId != 1 || name != mount.StateAttribute {
		return 0, fuse.ENODATA
	}
	value := t.image.attribute
	switch {
	case len(dest) == 0:
	case len(dest) < len(value):
		return uint32(len(value)), fuse.ERANGE
	default:
		copy(dest, value)
	}
	return uint32(len(value)), fuse.OK
}

// ListXAttr tells of no attributes: programs that copy files would copy them.
func (t *tree) ListXAttr(<-chan struct{}, *fuse.InHeader, []byte) (uint32, fuse.Status) {
	return 0, fuse.OK
}

// StatFs tells of a file system that is as large as the image, and full.
func (t *tree) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	const block = 2048
	out.Bsize, out.Frsize, out.NameLen = block, block, 255
	out.Blocks = uint64(t.image.state.Size) / block
	return fuse.OK
}
