// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"fmt"
)

// kind is what an entry of the tree is.
type kind uint8

const (
	kindNone     kind = iota // not in the tree
	kindFile                 // first: its first sector
	kindSections             // first: index in FS.sections
	kindDir                  // first: index of its first entry; size: how many it has
	kindLink                 // first: index in FS.links; size: the length of its target
	kindOther                // device, socket, pipe: only its name is there
)

// inode is what a decoder finds in a directory record.
type inode struct {
	name     []byte
	kind     kind
	target   string // of a link
	child    uint32 // with hasChild, the block of a directory relocated (CL)
	hasChild bool
	moved    bool // a relocated directory where it lies (RE), not where it belongs
}

// decoder reads the names of one tree. describe appends the name to in.name.
type decoder interface {
	describe(r *record, in *inode) error
}

var (
	_ decoder = (*rockRidge)(nil)
	_ decoder = joliet{}
)

// plainKind is what the record's flags say.
func plainKind(r *record) kind {
	if r.isDir() {
		return kindDir
	}
	return kindFile
}

// maxName is the limit of a name in bytes: 4 times what Linux allows.
const maxName = 1023

var errNameTooLong = fmt.Errorf("name above %d bytes", maxName)

// checkName refuses what would leave the directory or could not be looked up.
func checkName(name []byte) error {
	switch {
	case len(name) == 0:
		return errors.New("empty name")
	case len(name) > maxName:
		return errNameTooLong
	case string(name) == "." || string(name) == "..":
		return fmt.Errorf("name %q in a directory", name)
	case bytes.IndexByte(name, '/') >= 0 || bytes.IndexByte(name, 0) >= 0:
		return fmt.Errorf("slash or zero byte in name %q", name)
	}
	return nil
}
