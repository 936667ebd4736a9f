// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package solutionsconfig

import (
	"errors"
	"os"
)

// There is no bootstrap node on these systems; the package compiles for the
// plugins, which share code with the helper.
const noFollow = 0

func tryLock(*os.File) error {
	return errors.New("the SolutionsConfiguration of a bootstrap node can be locked on Linux only")
}
