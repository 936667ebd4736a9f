// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// smallDisk is a file system of its own, with room for 1 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		need.Missing(t, "mounting a tmpfs, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// A disk without room is told of before a byte is sent, and one that fills up
// meanwhile keeps what arrived.
func TestUploadWithoutRoom(t *testing.T) {
	n := newNode(t)
	disk := smallDisk(t)
	n.upload = disk
	data := payload(1 << 20)
	list := n.talk(t.Context(), 2<<20, func(protocol.Offer) []byte { t.Error("it begins"); return nil })
	if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonNoSpace || !strings.Contains(failure.Message, "no room in "+disk) {
		t.Errorf("%+v", failure)
	}
	size := len(data) - 64<<10 // for what the file system keeps for itself
	list = n.talk(t.Context(), size, func(protocol.Offer) []byte {
		if err := os.WriteFile(filepath.Join(disk, "other"), data[:512<<10], 0o600); err != nil {
			t.Error(err)
		}
		return append([]byte("{\"offset\":0}\n"), data[:size]...)
	})
	failure := list[len(list)-1].Error
	if failure == nil || failure.Reason != protocol.ReasonNoSpace || !strings.Contains(failure.Message, "no space left on device") || !strings.Contains(failure.Hint, "it goes on from where it was") {
		t.Fatalf("%+v", failure)
	}
	if err := os.Remove(filepath.Join(disk, "other")); err != nil {
		t.Fatal(err)
	}
	list = n.talk(t.Context(), size, func(offer protocol.Offer) []byte {
		if offer.Offset < 256<<10 {
			t.Errorf("of what arrived, %d bytes are kept", offer.Offset)
		}
		return fmt.Appendf(nil, "{\"offset\":%d}\n%s{\"digest\":%q}\n", offer.Offset, data[offer.Offset:size], sum(data[:size]))
	})
	if failure := list[len(list)-1].Error; failure != nil {
		t.Errorf("%+v", failure)
	}
}
