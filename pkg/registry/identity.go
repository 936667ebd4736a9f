// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// identity tells a file, and one state of it, from others.
type identity struct {
	device, inode, links uint64
	size                 int64
	modified, changed    unix.Timespec
}

func newIdentity(s *unix.Stat_t) identity {
	//nolint:unconvert // the types differ between platforms
	return identity{
		device: uint64(s.Dev), inode: s.Ino, links: uint64(s.Nlink),
		size: s.Size, modified: s.Mtim, changed: s.Ctim,
	}
}

// sameContent tells whether a file has not been written to. A file that was
// only linked or removed has another time of change too, and is still whole for
// those who have it open.
func (i identity) sameContent(other identity) bool {
	if i.links != other.links {
		i.links, i.changed = other.links, other.changed
	}
	return i == other
}

// identityOf asks about an open file, which must not be closed meanwhile.
func identityOf(file *os.File) (identity, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &s); err != nil {
		return identity{}, fmt.Errorf("asking about %s: %w", file.Name(), err)
	}
	return newIdentity(&s), nil
}

// identityAt asks about the file at a path; links are followed.
func identityAt(path string) (identity, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return newIdentity(&s), nil
}
