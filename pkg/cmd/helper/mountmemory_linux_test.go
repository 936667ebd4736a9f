// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// maxMountMiB bounds the memory of the process that serves a mount.
const maxMountMiB = 48

// Many who read at the same time do not have the process grow without bound.
func TestMountMemory(t *testing.T) {
	n := newMountNode(t, mount.None)
	const size, readers = 64 << 20, 64
	folder, dir := t.TempDir(), filepath.Join(n.root, "mount")
	for i := range 2 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	iso := archivetest.Pack(t, folder, "xorriso", "-as", "mkisofs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := n.helper(iso, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var group sync.WaitGroup
	for i := range readers {
		group.Go(func() {
			if err := readThrough(filepath.Join(dir, fmt.Sprint(i%2)), size); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.waitProcesses(1)[0]))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(text, &kib); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d readers of %d MiB each: %.1f MiB at most", readers, size>>20, float64(kib)/1024)
	if kib > maxMountMiB<<10 {
		t.Errorf("the process had %d KiB, and may have %d MiB", kib, maxMountMiB)
	}
}

// readThrough reads a file of this size, and has the kernel forget it, so that
// the next one asks the process again.
func readThrough(path string, size int64) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{file}, make([]byte, 1<<20))
	if err != nil || n != size {
		return fmt.Errorf("%s: %d bytes: %w", path, n, err)
	}
	return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
}
