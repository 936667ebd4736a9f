// SPDX-License-Identifier: Apache-2.0

package isofuse

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// randomBytes are the same for the same size.
func randomBytes(tb testing.TB, size int) []byte {
	tb.Helper()
	data := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(size)}).Read(data); err != nil {
		tb.Fatal(err)
	}
	return data
}

// sampleTree makes a folder with what trees can have.
func sampleTree(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files := map[string][]byte{
		"manifest.yaml":                     []byte("kind: Solution\n"),
		"with blank":                        []byte("1"),
		"Größe/日本/naïve":                    []byte("2"),
		"deep/1/2/3/4/5/6/7/8/9/10/11/file": []byte("3"),
		strings.Repeat("long", 50):          []byte("4"),
	}
	for _, size := range []int{0, 1, 2047, 2048, 2049, 4096, maxRead, maxRead + 1, 3*maxRead - 1, 5 << 20} {
		files[fmt.Sprint("sizes/", size)] = randomBytes(t, size)
	}
	// More than one answer to a listing has room for.
	for i := range 3000 {
		files[fmt.Sprintf("many/%064x", sha256.Sum256(fmt.Append(nil, i)))] = nil
	}
	write(t, folder, files)
	for name, target := range map[string]string{
		"link": "manifest.yaml", "sizes/up": "../manifest.yaml", "dangling": "no/such/file", "out": "/etc/hostname", "folder": "deep/1",
	} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(folder, "empty"), 0o755),
		os.Link(filepath.Join(folder, "manifest.yaml"), filepath.Join(folder, "same")),
		os.Chmod(filepath.Join(folder, "manifest.yaml"), 0o755|fs.ModeSetuid),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// treeOf describes everything in a folder; of modes the kind, unless they are
// asked for.
func treeOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := info.Mode().Type().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d bytes %x, last changed %s", info.Size(), sha256.Sum256(data), info.ModTime().UTC().Format("2006-01-02 15:04:05"))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " to " + target
		}
		name, err := filepath.Rel(folder, path)
		tree[name] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// The tree is that which was packed, whatever it was packed with; its modes are
// those of something that nobody can change or run.
func TestTree(t *testing.T) {
	folder := sampleTree(t)
	want := treeOf(t, folder)
	for _, tool := range []string{"xorriso -as mkisofs --hardlinks", "genisoimage"} {
		t.Run(strings.Fields(tool)[0], func(t *testing.T) {
			words := strings.Fields(tool)
			m := mountISO(t, archivetest.Pack(t, folder, words[0], words[1:]...))
			// Twice: the second time out of the kernel's memory.
			for range 2 {
				if diff := cmp.Diff(want, treeOf(t, m.dir)); diff != "" {
					t.Errorf("-packed +mounted:\n%s", diff)
				}
			}
			checkModes(t, m.dir)
			if text := m.log.String(); text != "" {
				t.Errorf("logged: %s", text)
			}
		})
	}
}

func checkModes(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		want := map[fs.FileMode]uint32{0: 0o444, fs.ModeDir: 0o555, fs.ModeSymlink: 0o777}[entry.Type()]
		if s.Mode&0o7777 != want || s.Uid != 0 || s.Gid != 0 {
			t.Errorf("%s has mode %o of %d:%d, and should have %o of 0:0", path, s.Mode&0o7777, s.Uid, s.Gid, want)
		}
		if entry.Type() == 0 && s.Blocks != (s.Size+511)/512 {
			t.Errorf("%s has %d bytes in %d blocks", path, s.Size, s.Blocks)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNotThere(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, map[string][]byte{"file": []byte("text")})
	m := mountTree(t, folder)
	for range 2 {
		if _, err := os.Lstat(m.path("none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a name that is not there: %v", err)
		}
		if _, err := os.Lstat(m.path("file/below")); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("a name below a file: %v", err)
		}
	}
}

// Nothing can be written, and the kernel says why.
func TestReadOnly(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, map[string][]byte{"file": []byte("text"), "folder/file": nil})
	m := mountTree(t, folder)
	file := m.path("file")
	_, createErr := os.Create(m.path("new"))
	_, openErr := os.OpenFile(file, os.O_RDWR, 0)
	_, appendErr := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	for what, err := range map[string]error{
		"create": createErr, "open": openErr, "append": appendErr,
		"truncate": os.Truncate(file, 0),
		"remove":   os.Remove(file),
		"rmdir":    unix.Rmdir(m.path("folder")),
		"mkdir":    os.Mkdir(m.path("new"), 0o755),
		"rename":   os.Rename(file, m.path("other")),
		"link":     os.Link(file, m.path("other")),
		"symlink":  os.Symlink("file", m.path("other")),
		"chmod":    os.Chmod(file, 0o777),
		"chown":    os.Chown(file, 1, 1),
		"utimes":   unix.Utimes(file, make([]unix.Timeval, 2)),
		"setxattr": unix.Setxattr(file, "user.x", []byte("y"), 0),
		"mknod":    unix.Mknod(m.path("new"), unix.S_IFIFO|0o600, 0),
	} {
		if !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v, and should be: %v", what, err, unix.EROFS)
		}
	}
	if _, err := os.OpenFile(file, os.O_RDONLY|unix.O_DIRECT, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("past the page cache: %v", err)
	}
	at, found, err := mount.At(m.dir)
	if err != nil || !found {
		t.Fatalf("it is not in the list of mounts: %v", err)
	}
	options := strings.Join(at.Options, ",")
	for _, option := range []string{"ro", "nosuid", "nodev"} {
		if !strings.Contains(","+options+",", ","+option+",") {
			t.Errorf("option %s is not among %s", option, options)
		}
	}
	if at.Type != mount.FUSEType || at.Source != m.iso {
		t.Errorf("%+v", at)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(m.dir, &s); err != nil || s.Bavail != 0 || int64(s.Blocks)*s.Bsize < 10_000 {
		t.Errorf("statfs: %v, %+v", err, s)
	}
}
