// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"os"

	"golang.org/x/sys/unix"
)

// A holder signs the name that it has written into the lock file, by a lock of
// another kind (F_OFD_SETLK, fcntl(2)) that ends with it too: without one the
// name is that of somebody who has ended, and not of who has the lock.

// sign says that the name in the file is that of the file's opener.
func sign(file *os.File) error {
	return unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
}

// isSigned tells whether another opener of the file has signed.
func isSigned(file *os.File) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock)
	return err == nil && lock.Type != unix.F_UNLCK
}
