// SPDX-License-Identifier: Apache-2.0

package isofuse

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

func stateOf(t *testing.T, path string) verified.State {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	state, err := verified.StateOf(file)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// The root tells which state of the archive is mounted; to mount and to read it
// does not change that state.
func TestState(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, map[string][]byte{"file": randomBytes(t, 100_000)})
	m := mountTree(t, folder)
	before := stateOf(t, m.iso)
	if _, err := os.ReadFile(m.path("file")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	n, err := unix.Lgetxattr(m.dir, mount.StateAttribute, buf)
	if err != nil {
		t.Fatal(err)
	}
	var got verified.State
	if err := json.Unmarshal(buf[:n], &got); err != nil || got != before {
		t.Errorf("%v: %s, and the file has %+v", err, buf[:n], before)
	}
	if now := stateOf(t, m.iso); now != before {
		t.Errorf("mounting has changed the file: %+v, %+v", before, now)
	}
	if size, err := unix.Lgetxattr(m.dir, mount.StateAttribute, nil); size != n || err != nil {
		t.Errorf("its size: %d, %v", size, err)
	}
	if _, err := unix.Lgetxattr(m.dir, mount.StateAttribute, buf[:n-1]); !errors.Is(err, unix.ERANGE) {
		t.Errorf("without room: %v", err)
	}
	for _, path := range []string{m.path("file"), m.dir} {
		if _, err := unix.Lgetxattr(path, "user.other", buf); !errors.Is(err, unix.ENODATA) {
			t.Errorf("another attribute of %s: %v", path, err)
		}
		if n, err := unix.Llistxattr(path, buf); n != 0 || err != nil {
			t.Errorf("attributes of %s: %d bytes, %v", path, n, err)
		}
	}
}

// A file that is open when the archive is deleted or renamed, or when the mount
// is taken away, is read to its end; then the server ends.
func TestOpenFileStays(t *testing.T) {
	folder := t.TempDir()
	data := randomBytes(t, 8<<20)
	write(t, folder, map[string][]byte{"file": data})
	m := mountTree(t, folder)
	file, err := os.Open(m.path("file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	start := make([]byte, 10_000)
	if _, err := io.ReadFull(file, start); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(m.iso, m.iso+".moved"), os.Remove(m.iso+".moved")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(m.dir, 0); !errors.Is(err, unix.EBUSY) {
		t.Fatalf("unmount while a file is open: %v", err)
	}
	if err := mount.Detach(m.dir, "/another/archive"); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := mount.At(m.dir); !found {
		t.Error("detached for another archive")
	}
	if err := mount.Detach(m.dir, m.iso); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(m.dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder has %d entries: %v", len(entries), err)
	}
	rest, err := io.ReadAll(file)
	if err != nil || !bytes.Equal(append(start, rest...), data) {
		t.Errorf("%d bytes are not what was packed: %v", len(start)+len(rest), err)
	}
	select {
	case <-m.server.Done():
		t.Error("the server has ended while a file was open")
	default:
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	m.waitGone()
}

// An archive that is written to while it is mounted gives errors, and one line
// in the log.
func TestArchiveChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"written": func(path string) error {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = file.WriteAt([]byte("x"), 40_000)
			return errors.Join(err, file.Close())
		},
		"cut": func(path string) error { return os.Truncate(path, 100_000) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, map[string][]byte{"known": randomBytes(t, 100), "unknown": randomBytes(t, 4<<20)})
			m := mountTree(t, folder)
			if _, err := os.ReadFile(m.path("known")); err != nil {
				t.Fatal(err)
			}
			if err := change(m.iso); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if data, err := os.ReadFile(m.path("unknown")); !errors.Is(err, unix.EIO) {
					t.Errorf("read %d bytes: %v", len(data), err)
				}
			}
			if log := m.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "archive="+m.iso) {
				t.Errorf("logged: %s", log)
			}
		})
	}
}

// Whoever may enter the folder may read.
func TestOtherUser(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, map[string][]byte{"file": []byte("text")})
	m := mountTree(t, folder)
	// Folders of tests are for their user only.
	if err := errors.Join(unix.Mount("tmpfs", "/mnt", "tmpfs", 0, ""), os.Mkdir("/mnt/archive", 0o755), unix.Mount(m.dir, "/mnt/archive", "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(unix.Unmount("/mnt/archive", 0), unix.Unmount("/mnt", 0)); err != nil {
			t.Error(err)
		}
	}()
	cmd := exec.CommandContext(t.Context(), "cat", "/mnt/archive/file")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); string(out) != "text" {
		t.Errorf("%v: %s", err, out)
	}
}

// What cannot be mounted is not, and the error says why.
func TestMountFails(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, map[string][]byte{"file": []byte("text")})
	m := mountTree(t, folder)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	write(t, dir, map[string][]byte{"text": []byte("no image"), "folder/x": nil})
	for _, tt := range []struct{ archive, dir, want string }{
		{filepath.Join(dir, "none"), dir, "opening " + dir + "/none: no such file or directory"},
		{text, dir, "reading " + text + ": not an ISO 9660 image"},
		{filepath.Join(dir, "folder"), dir, "it is a directory"},
		{m.iso, filepath.Join(dir, "none"), "mounting " + m.iso + " at " + dir + "/none: no such file or directory"},
		{m.iso, text, "mounting " + m.iso + " at " + text + ": not a directory"},
	} {
		_, err := Mount(tt.archive, tt.dir, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %s: %v, and should be %q", tt.archive, tt.dir, err, tt.want)
		}
		if _, found, _ := mount.At(tt.dir); found {
			t.Errorf("%s at %s: it is mounted all the same", tt.archive, tt.dir)
		}
	}
}
