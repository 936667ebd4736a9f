// SPDX-License-Identifier: Apache-2.0

package verified

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// State tells one state of a file from others: any write gives it another time
// of change, which no program can set. The device is no part of it, since its
// number may be another after a reboot.
type State struct {
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"` // in bytes
	// Modified and Changed are in nanoseconds since 1970.
	Modified int64 `json:"modified"`
	Changed  int64 `json:"changed"`
}

// SameContent tells whether the file was not written to between two states, as
// far as its size and times tell. To rename, link or delete a file changes its
// state all the same.
func (s State) SameContent(other State) bool {
	s.Changed, other.Changed = 0, 0
	return s == other
}

// StateOf asks about an open file.
func StateOf(file *os.File) (State, error) {
	var s unix.Stat_t
	connection, err := file.SyscallConn()
	if err != nil {
		return State{}, err
	}
	var statErr error
	err = connection.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), &s) })
	if err == nil {
		err = statErr
	}
	if err != nil {
		return State{}, fmt.Errorf("asking about %s: %w", file.Name(), err)
	}
	return State{Inode: s.Ino, Size: s.Size, Modified: s.Mtim.Nano(), Changed: s.Ctim.Nano()}, nil
}
