// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"
)

// copyOwner gives file the owner that info tells.
func copyOwner(file *os.File, info fs.FileInfo) error {
	want, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	now, err := file.Stat()
	if err != nil {
		return err
	}
	if is, ok := now.Sys().(*syscall.Stat_t); ok && is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return file.Chown(int(want.Uid), int(want.Gid))
}
