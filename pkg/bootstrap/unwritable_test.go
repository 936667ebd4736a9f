// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestUnwritable(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "make room",
		syscall.EDQUOT: "make room",
		syscall.EROFS:  "mounted for writing",
		syscall.EACCES: "with sudo",
		syscall.EPERM:  "with sudo",
		syscall.EIO:    "",
	} {
		err := unwritable(&fs.PathError{Op: "open", Path: "/x", Err: cause})
		if got := hint.Of(err); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%v: hint %q", cause, got)
		}
		if isSpace := failureOf(err).Reason == ReasonNoSpace; isSpace != (want == "make room") {
			t.Errorf("%v: reason %s", cause, failureOf(err).Reason)
		}
	}
	if unwritable(nil) != nil {
		t.Error("an error out of nothing")
	}
}

// What keeps the lock from being made is not told of as somebody's lock.
func TestUnlockable(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	if err := os.MkdirAll(filepath.Join(n.root, "etc/metalk8s/solutions.yaml.lock"), 0o755); err != nil {
		t.Fatal(err)
	}
	n.refused(Request{Import: &ImportRequest{Archives: []string{iso}}}, ReasonInternal,
		"locking $R/etc/metalk8s/solutions.yaml: open $R/etc/metalk8s/solutions.yaml.lock: is a directory", "")
}
