// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.iso")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenErrors(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	iso, err := os.ReadFile(archivetest.New(t).ISO(t))
	if err != nil {
		t.Fatal(err)
	}
	plain := archivetest.Pack(t, archivetest.New(t).Dir(), "xorriso", "-as", "mkisofs", "--norock", "-no-pad")
	for _, c := range []struct {
		name, path, want string
		is               error
	}{
		{"absent", filepath.Join(t.TempDir(), "absent.iso"), "opening PATH: no such file or directory", fs.ErrNotExist},
		{"directory", t.TempDir(), "opening PATH: it is a directory, and an archive is an ISO 9660 file", nil},
		{"FIFO", fifo, "opening PATH: it is no regular file, and an archive is an ISO 9660 file", nil},
		{"device", os.DevNull, "opening PATH: it is no regular file, and an archive is an ISO 9660 file", nil},
		{"empty", write(t, nil), "reading PATH: not an ISO 9660 image", iso9660.ErrNotISO},
		{"text", write(t, []byte(strings.Repeat("text\n", 20000))), "reading PATH: not an ISO 9660 image", iso9660.ErrNotISO},
		{"truncated", write(t, iso[:50<<10]), "the image is truncated", iso9660.ErrTruncated},
		{"plain names", withoutLongNames(t, plain), "the image has neither Rock Ridge nor Joliet names", iso9660.ErrNoLongNames},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := archive.Open(c.path)
			if err == nil {
				t.Fatalf("opened %s", a.Path())
			}
			if text := strings.Replace(err.Error(), c.path, "PATH", 1); !strings.Contains(text, c.want) || strings.Contains(text, c.path) {
				t.Errorf("the error is %q, want %q", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
}

// withoutLongNames overwrites the Rock Ridge and Joliet marks of an image.
func withoutLongNames(t *testing.T, iso string) string {
	t.Helper()
	data, err := os.ReadFile(iso)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "SP\x07\x01", "XX\x07\x01")
	return write(t, []byte(strings.ReplaceAll(text, "%/E", "%/X")))
}

func TestOpen(t *testing.T) {
	for name, iso := range map[string]string{
		"xorriso": archivetest.New(t).ISO(t), "genisoimage": archivetest.New(t).GenISO(t),
	} {
		t.Run(name, func(t *testing.T) {
			a, err := archive.Open(iso)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(iso)
			if err != nil {
				t.Fatal(err)
			}
			if a.Path() != iso || a.Size() != info.Size() {
				t.Errorf("Path %s, Size %d", a.Path(), a.Size())
			}
			data, err := a.ReadFile("operator/deploy/role.yaml")
			if err != nil || string(data) != archivetest.Role {
				t.Errorf("role.yaml is %q, %v", data, err)
			}
			if _, err := fs.Stat(a.FS(), "images/example-solution-ui/1.0.0/manifest.json"); err != nil {
				t.Error(err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			if _, err := a.ReadFile("manifest.yaml"); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

func TestNewClose(t *testing.T) {
	a := archive.New("dir", fstest.MapFS{})
	if err := a.Close(); err != nil || a.Path() != "dir" || a.Size() != 0 {
		t.Error(err, a.Path(), a.Size())
	}
}

func TestReadFileErrors(t *testing.T) {
	a := archive.New("a.iso", fstest.MapFS{
		"dir/file": {Data: []byte("x")},
		"max":      {Data: make([]byte, archive.MaxFileBytes)},
		"long":     {Data: make([]byte, archive.MaxFileBytes+1)},
	})
	for path, want := range map[string]string{
		"absent":    "reading absent in a.iso: file does not exist",
		"dir":       "reading dir in a.iso: no regular file",
		"/dir/file": "reading /dir/file in a.iso: invalid argument",
		"dir/../..": "reading dir/../.. in a.iso: invalid argument",
		"long":      "reading long in a.iso: 4194305 bytes long, and at most 4194304 are read",
	} {
		if _, err := a.ReadFile(path); err == nil || err.Error() != want {
			t.Errorf("ReadFile(%q): %v, want %s", path, err, want)
		}
	}
	if data, err := a.ReadFile("max"); err != nil || len(data) != archive.MaxFileBytes {
		t.Error(len(data), err)
	}
}

// A FIFO in a directory to be packed must not make anything wait.
func TestFIFOInDirectory(t *testing.T) {
	b := archivetest.New(t).Without("operator/deploy/role.yaml").Without("manifest.yaml")
	dir := b.Dir()
	for _, name := range []string{"manifest.yaml", "operator/deploy/role.yaml", "images/example-solution-ui/1.0.0/x"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report, err := archive.New(dir, os.DirFS(dir)).Verify(t.Context(), archive.VerifyOptions{})
	want := `warning unreferenced images/example-solution-ui/1.0.0: holds files that no image leads to, 1 of 0 bytes: x
error(import) unreadable manifest.yaml: no regular file
error(import) unreadable operator/deploy/role.yaml: no regular file`
	if got := lines(report); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}
