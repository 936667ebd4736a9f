// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package solutionsconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readDocument(t *testing.T, f File) *Document {
	t.Helper()
	d, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// names returns what is in a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func TestReadMalformed(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", ":1: not a YAML mapping: the file is empty"},
		"no YAML":         {"kind: x\n\nfoo: [\nbar: ]: }\n", ":4: "},
		"a list":          {"- a\n", ":1: not a YAML mapping"},
		"tab":             {"apiVersion: x\nkind:\n\t- a\n", ":3: "},
		"duplicate key":   {header + "archives: []\narchives: []\n", ":4: "},
		"other kind":      {"# x\napiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: Solution\n", `:3: kind is "Solution", and must be "SolutionsConfiguration"`},
		"no kind":         {"apiVersion: solutions.metalk8s.scality.com/v1alpha1\n", `:1: kind is ""`},
		"other version":   {"\nkind: SolutionsConfiguration\n\napiVersion: v1\n", `:4: apiVersion is "v1"`},
		"no list":         {header + "archives: /a.iso\n", ":3: archives must be a list"},
		"list of lists":   {header + "archives:\n- /a.iso\n- [b]\n", ":5: archives must be a list of strings"},
		"empty item":      {header + "archives:\n- /a.iso\n-\n", ":5: archives must be a list of strings"},
		"no mapping":      {header + "active: [a]\n", ":3: active must be a mapping"},
		"bad name":        {header + "active:\n  a: 1\n  B_: 1\n", `:5: active: "B_" is no name`},
		"no version":      {header + "active:\n  a: 1\n  b:\n", ":5: active: b has no version"},
		"two documents":   {header + "---\n" + header, ":3: more than one YAML document"},
		"alias to itself": {header + "active: &a\n  b: *a\n", ":1: not a YAML mapping: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
			write(t, f.Path, c.text)
			_, err := f.Read()
			if err == nil || !strings.Contains(err.Error(), f.Path+c.want) {
				t.Errorf("error %v does not contain %q", err, c.want)
			}
			if read(t, f.Path) != c.text {
				t.Error("the file changed")
			}
		})
	}
}

func TestReadNoFile(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "a", "solutions.yaml")}
	d := readDocument(t, f)
	if d.Exists() || len(d.Configuration().Archives) > 0 || d.RemoveArchive("/a.iso") || d.UnsetActive("a") {
		t.Errorf("an absent file is not empty: %+v", d)
	}
	if text, err := d.Bytes(); err != nil || string(text) != header+"archives: []\n" {
		t.Errorf("Bytes() = %q, %v", text, err)
	}
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(f.Path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a document without edits was written: %v", err)
	}
	for _, path := range []string{t.TempDir(), filepath.Join(os.Args[0], "solutions.yaml"), os.DevNull} {
		if _, err := (File{path}).Read(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("reading %s: %v", path, err)
		}
	}
}

func TestWriteNew(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	root := t.TempDir()
	f := File{filepath.Join(root, "etc", "metalk8s", "solutions.yaml")}
	d := readDocument(t, f)
	d.AddArchive("/solutions/a.iso")
	d.SetActive("a", "1.0.0")
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	want := header + "archives:\n  - /solutions/a.iso\nactive:\n  a: 1.0.0\n"
	if diff := cmp.Diff(want, read(t, f.Path)); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]fs.FileMode{f.Path: 0o644, filepath.Dir(f.Path): 0o755, filepath.Join(root, "etc"): 0o755} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", path, info.Mode(), err, want)
		}
	}
	// The document goes on from what it wrote.
	d.UnsetActive("a")
	if err := f.Write(d); err != nil || !d.Exists() {
		t.Errorf("a second write: %v", err)
	}
	if got := read(t, f.Path); got != header+"archives:\n  - /solutions/a.iso\nactive: {}\n" {
		t.Error(got)
	}
}

func TestWriteUnchanged(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	write(t, f.Path, header+"archives: [ /a.iso ]\n")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(f.Path, long, long); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	d := readDocument(t, f)
	if d.AddArchive("/a.iso") || d.RemoveArchive("/b.iso") {
		t.Error("an edit without effect tells of one")
	}
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(f.Path)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the file was touched: %v", err)
	}
}

func TestWriteKeepsModeAndOwner(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	write(t, f.Path, header)
	if err := os.Chmod(f.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 1234, 4321
		if err := os.Chown(f.Path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	d := readDocument(t, f)
	d.AddArchive("/a.iso")
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o640 || int(stat.Uid) != uid || int(stat.Gid) != gid {
		t.Errorf("mode %v, owner %d:%d", info.Mode(), stat.Uid, stat.Gid)
	}
}

func TestWriteChanged(t *testing.T) {
	other := header + "archives: [/other.iso]\n"
	for name, c := range map[string]struct {
		text   string
		change func(path string) error
		want   string
	}{
		"edited":  {header, func(path string) error { return os.WriteFile(path, []byte(other), 0o644) }, other},
		"created": {"", func(path string) error { return os.WriteFile(path, []byte(other), 0o644) }, other},
		"emptied": {header, func(path string) error { return os.Truncate(path, 0) }, ""},
		"removed": {header, os.Remove, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			f := File{filepath.Join(folder, "solutions.yaml")}
			if c.text != "" {
				write(t, f.Path, c.text)
			}
			d := readDocument(t, f)
			d.AddArchive("/a.iso")
			if err := c.change(f.Path); err != nil {
				t.Fatal(err)
			}
			if err := f.Write(d); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), f.Path) {
				t.Errorf("error %v", err)
			}
			if data, _ := os.ReadFile(f.Path); string(data) != c.want {
				t.Errorf("the file is %q", data)
			}
			if found := names(t, folder); len(found) > 1 {
				t.Errorf("left behind: %q", found)
			}
		})
	}
}

func TestWriteSymlink(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{"etc", "data", "data/deep"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// etc/solutions.yaml -> ../link/../second -> real.yaml, where link -> data/deep.
	for link, target := range map[string]string{"link": "data/deep", "etc/solutions.yaml": "../link/../second", "data/second": "real.yaml"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	f, target := File{filepath.Join(root, "etc/solutions.yaml")}, filepath.Join(root, "data/real.yaml")
	for _, path := range []string{"/a.iso", "/b.iso"} {
		d := readDocument(t, f)
		d.AddArchive(path)
		if err := f.Write(d); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(target); err != nil || !info.Mode().IsRegular() || !strings.Contains(read(t, target), path) {
			t.Fatalf("the target was not written: %v", err)
		}
		if link, err := os.Readlink(f.Path); err != nil || link != "../link/../second" {
			t.Errorf("the link is %q, %v", link, err)
		}
	}
	if err := os.Symlink("loop", filepath.Join(root, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := (File{filepath.Join(root, "loop")}).Read(); err == nil {
		t.Error("a link to itself was read")
	}
}

func TestWriteRemovesLitter(t *testing.T) {
	folder := t.TempDir()
	f := File{filepath.Join(folder, "solutions.yaml")}
	for _, name := range []string{".solutions.yaml.tmp123", ".solutions.yaml.tmp9", ".solutions.yaml.tmpl", ".solutions.yaml.tmp", ".other.yaml.tmp1", "solutions.yaml.tmp1"} {
		write(t, filepath.Join(folder, name), "x")
	}
	d := readDocument(t, f)
	d.AddArchive("/a.iso")
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	want := []string{".other.yaml.tmp1", ".solutions.yaml.tmp", ".solutions.yaml.tmpl", "solutions.yaml", "solutions.yaml.tmp1"}
	if diff := cmp.Diff(want, names(t, folder)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteRefusedEdit(t *testing.T) {
	f := File{filepath.Join(t.TempDir(), "solutions.yaml")}
	write(t, f.Path, header)
	d := readDocument(t, f)
	d.AddArchive("/a.iso")
	d.SetActive("No_Name", "1")
	if err := f.Write(d); err == nil || read(t, f.Path) != header {
		t.Errorf("error %v, file %q", err, read(t, f.Path))
	}
}

func TestWriteFolderIsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f := File{filepath.Join(path, "deeper", "solutions.yaml")}
	d := readDocument(t, f)
	d.AddArchive("/a.iso")
	write(t, path, "x")
	if err := f.Write(d); err == nil || !strings.Contains(err.Error(), path) || read(t, path) != "x" {
		t.Errorf("error %v", err)
	}
	if _, err := f.Lock(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}
