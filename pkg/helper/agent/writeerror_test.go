// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestExplainWriteError(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "make room",
		syscall.EDQUOT: "make room",
		syscall.EROFS:  "mounted for writing",
		syscall.EACCES: "with sudo",
		syscall.EPERM:  "with sudo",
		syscall.EIO:    "",
	} {
		err := explainWriteError(&fs.PathError{Op: "open", Path: "/x", Err: cause})
		if got := hint.Of(err); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%v: hint %q", cause, got)
		}
		if isSpace := failureOf(err).Reason == protocol.ReasonNoSpace; isSpace != (want == "make room") {
			t.Errorf("%v: reason %s", cause, failureOf(err).Reason)
		}
	}
	if explainWriteError(nil) != nil {
		t.Error("an error out of nothing")
	}
}
