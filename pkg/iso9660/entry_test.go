// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleImage is one with files, folders and links.
func sampleImage(t *testing.T) *FS {
	t.Helper()
	dir, files := t.TempDir(), map[string]string{"file": "text", "empty": "", "a/b/c": "deep", "a/z": "last"}
	for i := range 200 {
		files[fmt.Sprintf("many/%064x", i*7919)] = fmt.Sprint(i)
	}
	write(t, dir, files)
	if err := os.Symlink("../file", filepath.Join(dir, "a/link")); err != nil {
		t.Fatal(err)
	}
	return openImage(t, mkisofs(t, "xorriso", "-R -J -joliet-long", dir))
}

// The tree by numbers is the tree by paths.
func TestEntries(t *testing.T) {
	x := sampleImage(t)
	seen := map[uint32]string{}
	var walk func(e Entry, at string)
	walk = func(e Entry, at string) {
		if other, again := seen[e.Number()]; again {
			t.Errorf("%s has the number of %s", at, other)
		}
		seen[e.Number()] = at
		same, found := x.Entry(e.Number())
		want, err := x.Lstat(at)
		if err != nil || !found || same != e {
			t.Fatalf("%s: %v, entry %d: %t", at, err, e.Number(), found)
		}
		got := e.Info()
		if got.Size() != want.Size() || got.Mode() != want.Mode() || !got.ModTime().Equal(want.ModTime()) || at != "." && got.Name() != want.Name() {
			t.Errorf("%s: %v, %v", at, got, want)
		}
		checkContent(t, x, e, at)
		entries, _ := x.ReadDir(at)
		if e.Len() != len(entries) {
			t.Fatalf("%s has %d entries, and %d", at, e.Len(), len(entries))
		}
		for i, entry := range entries {
			child := e.At(i)
			if found, err := e.Child(entry.Name()); err != nil || found != child || child.Name() != entry.Name() {
				t.Errorf("%s: entry %d is %q and %q: %v", at, i, child.Name(), entry.Name(), err)
			}
			walk(child, path.Join(at, entry.Name()))
		}
	}
	root, _ := x.Entry(0)
	walk(root, ".")
	if len(seen) != 200+9 {
		t.Errorf("%d entries", len(seen))
	}
	if _, found := x.Entry(uint32(len(x.nodes))); found {
		t.Error("there is an entry after the last")
	}
}

func checkContent(t *testing.T, x *FS, e Entry, at string) {
	t.Helper()
	target, err := x.ReadLink(at)
	if got, gotErr := e.Target(); got != target || (gotErr == nil) != (err == nil) {
		t.Errorf("%s leads to %q, and %q: %v, %v", at, got, target, gotErr, err)
	}
	if mode := e.Info().Mode(); !mode.IsRegular() {
		if _, err := e.ReadAt(make([]byte, 1), 0); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s can be read: %v", at, err)
		}
		return
	}
	want, err := x.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want)+10)
	n, err := e.ReadAt(got, 0)
	if !bytes.Equal(got[:n], want) || !errors.Is(err, io.EOF) {
		t.Errorf("%s: %q, %v", at, got[:n], err)
	}
	if n, err := e.ReadAt(got, int64(len(want))); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%s at its end: %d bytes, %v", at, n, err)
	}
	if len(want) > 1 {
		n, err := e.ReadAt(got[:1], 1)
		if diff := cmp.Diff(want[1:2], got[:n]); err != nil || diff != "" {
			t.Errorf("%s: %v, %s", at, err, diff)
		}
	}
}

func TestChildFails(t *testing.T) {
	x := sampleImage(t)
	root, _ := x.Entry(0)
	if _, err := root.Child("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	file, err := root.Child("file")
	if err != nil || file.Len() != 0 {
		t.Errorf("%v, %d entries", err, file.Len())
	}
	if _, err := file.Child("x"); !errors.Is(err, errNotDir) {
		t.Errorf("%v", err)
	}
}
