// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package solutionsconfig

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noFollow refuses a lock file that is a symbolic link: it is written to.
const noFollow = unix.O_NOFOLLOW

// tryLock returns errLocked where someone else has the lock.
func tryLock(file *os.File) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return errLocked
	}
	return err
}
