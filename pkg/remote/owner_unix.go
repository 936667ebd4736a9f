// SPDX-License-Identifier: Apache-2.0

//go:build unix

package remote

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn says that a file belongs to the user who runs this.
func isOwn(info fs.FileInfo) bool { return isOf(info, os.Geteuid()) }

// isRoots says that a file belongs to root.
func isRoots(info fs.FileInfo) bool { return isOf(info, 0) }

func isOf(info fs.FileInfo, uid int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(stat.Uid) == int64(uid)
}
