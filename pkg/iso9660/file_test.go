// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// parts is an image with a file of three sections that do not adjoin, and its content.
func parts(t *testing.T) (*FS, []byte) {
	d := newDisc(section("parts", 34, sectorSize, flagMore), section("parts", 30, 2*sectorSize, flagMore),
		section("parts", 37, 100, 0), file("whole", 30, 3000), folder("dir", 19)).with(19)
	for i := range d.b[30*sectorSize:] {
		d.b[30*sectorSize+i] = byte(i % 251)
	}
	return d.mustOpen(t), concat(d.sector(34), d.sector(30), d.sector(31), d.sector(37)[:100])
}

func TestSections(t *testing.T) {
	x, want := parts(t)
	f, err := x.Open("parts")
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(f, want); err != nil {
		t.Error(err)
	}
	if err := fstest.TestFS(x, "parts", "whole", "dir"); err != nil {
		t.Error(err)
	}
	// Every range at and around the seams.
	r := f.(io.ReaderAt)
	for _, from := range []int{0, 1, sectorSize - 1, sectorSize, sectorSize + 1, 3*sectorSize - 1, 3 * sectorSize, len(want) - 1, len(want), len(want) + 1} {
		for _, n := range []int{0, 1, 2, sectorSize, 2 * sectorSize, 4 * sectorSize} {
			p := make([]byte, n)
			got, err := r.ReadAt(p, int64(from))
			end := min(from+n, len(want))
			if from > end {
				end = from
			}
			if got != end-from || !bytes.Equal(p[:got], want[min(from, len(want)):min(end, len(want))]) {
				t.Errorf("ReadAt %d bytes at %d: got %d", n, from, got)
			}
			if short := got < n; n > 0 && short != errors.Is(err, io.EOF) {
				t.Errorf("ReadAt %d bytes at %d: error %v", n, from, err)
			}
		}
	}
}

// The caller may change what Sys returns.
func TestSysIsTheCallersOwn(t *testing.T) {
	x, _ := parts(t)
	for _, path := range []string{"parts", "whole"} {
		want := slices.Clone(extents(t, x, path))
		extents(t, x, path)[0].Offset = 0
		if diff := cmp.Diff(want, extents(t, x, path)); diff != "" {
			t.Errorf("%s: (-before +after):\n%s", path, diff)
		}
	}
}

// One open file may be read in several places at once, as a server does.
func TestParallelReadAt(t *testing.T) {
	x, want := parts(t)
	f, err := x.Open("parts")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for from := i; from < len(want)-50; from += 97 {
				p := make([]byte, 50)
				if _, err := f.(io.ReaderAt).ReadAt(p, int64(from)); err != nil || !bytes.Equal(p, want[from:from+50]) {
					t.Errorf("at %d: %v", from, err)
				}
				if _, err := x.Stat("dir"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSeek(t *testing.T) {
	x, want := parts(t)
	f, err := x.Open("parts")
	if err != nil {
		t.Fatal(err)
	}
	s := f.(io.ReadSeeker)
	if n, err := s.Seek(-50, io.SeekEnd); n != int64(len(want))-50 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, want[len(want)-50:]) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if _, err := s.Seek(-1, io.SeekStart); err == nil {
		t.Error("a negative position is no error")
	}
	if n, err := s.Seek(1<<40, io.SeekStart); n != 1<<40 || err != nil {
		t.Errorf("beyond the end: got %d, %v", n, err)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("beyond the end: read %d, %v", n, err)
	}
	if _, err := f.(io.ReaderAt).ReadAt(make([]byte, 1), -1); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadAt -1: %v", err)
	}
}

// What cannot be done is a PathError that names the file.
func TestFileErrors(t *testing.T) {
	x, _ := parts(t)
	open := func(path string) fs.File {
		f, err := x.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	closed := func(path string) fs.File {
		f := open(path)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, tt := range map[string]struct {
		do   func() error
		want error
	}{
		"read a directory":        {func() error { _, err := open("dir").Read(nil); return err }, errIsDir},
		"read a directory's file": {func() error { _, err := x.ReadFile("dir"); return err }, errIsDir},
		"list a file":             {func() error { _, err := x.ReadDir("whole"); return err }, errNotDir},
		"read closed":             {func() error { _, err := closed("whole").Read(nil); return err }, fs.ErrClosed},
		"readat closed":           {func() error { _, err := closed("whole").(io.ReaderAt).ReadAt(nil, 0); return err }, fs.ErrClosed},
		"seek closed":             {func() error { _, err := closed("whole").(io.Seeker).Seek(0, 0); return err }, fs.ErrClosed},
		"close closed":            {func() error { return closed("whole").Close() }, fs.ErrClosed},
		"list closed":             {func() error { _, err := closed("dir").(fs.ReadDirFile).ReadDir(0); return err }, fs.ErrClosed},
		"close a directory again": {func() error { return closed("dir").Close() }, fs.ErrClosed},
	} {
		err := tt.do()
		var path *fs.PathError
		if !errors.Is(err, tt.want) || !errors.As(err, &path) || path.Path == "" {
			t.Errorf("%s: got %v, want %v in a PathError", name, err, tt.want)
		}
	}
}

// Names of 64 hexadecimal digits are stored packed, and all names are still in order.
func TestPackedNames(t *testing.T) {
	const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
	names := []string{
		hex, hex + "0", hex + "1", hex + "1.manifest.json", hex + "1x", hex + "f", hex + "g",
		"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "0", "z", "ffffffff",
		"\u00ff" + hex, hex + "\u00ff",
	}
	var records [][]byte
	for _, name := range names {
		records = append(records, file(name, 30, 1))
	}
	x := newDisc(records...).mustOpen(t)
	if err := fstest.TestFS(x, names...); err != nil {
		t.Error(err)
	}
	packed := 0
	for _, n := range x.nodes {
		if n.packed() {
			packed++
		}
	}
	if packed != 5 {
		t.Errorf("%d names are packed, want 5", packed)
	}
	for _, name := range []string{hex[:10], hex + "2", hex + "1.", "1", ""} {
		if _, found := x.child(&x.nodes[0], name); found {
			t.Errorf("%q is found", name)
		}
	}
}

func TestNamingString(t *testing.T) {
	for n, want := range map[Naming]string{RockRidge: "Rock Ridge", Joliet: "Joliet", 7: "Naming(7)"} {
		if n.String() != want {
			t.Errorf("got %q, want %q", n, want)
		}
	}
}
