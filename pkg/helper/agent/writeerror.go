// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// explainWriteError adds what to do to the error of a file that cannot be written.
func explainWriteError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return withReason(protocol.ReasonNoSpace, hint.With(err, "make room on the bootstrap node and run the command again: it goes on from where it was"))
	case errors.Is(err, syscall.EROFS):
		return hint.With(err, "have the file system mounted for writing on the bootstrap node, and run the command again; "+
			"where it was not mounted read-only, the kernel's log (dmesg) tells why it is")
	case errors.Is(err, fs.ErrPermission):
		return hint.With(err, "who runs the helper may not write there: --bootstrap local+sudo and ssh+sudo:// are with sudo")
	}
	return err
}
