// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

func open(t *testing.T, iso string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(iso)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// extent returns where a file lies in the image.
func extent(t *testing.T, a *archive.Archive, path string) iso9660.Extent {
	t.Helper()
	info, err := fs.Stat(a.FS(), path)
	if err != nil {
		t.Fatal(err)
	}
	extents, _ := info.Sys().(*iso9660.Extents)
	if extents == nil || len(*extents) != 1 {
		t.Fatalf("%s has extents %v", path, extents)
	}
	return (*extents)[0]
}

// aliased has two tags of one image, which share all their blobs, and an image
// that shares a layer with them.
func aliased(t *testing.T) *archivetest.Builder {
	return archivetest.New(t).
		WithImage("base", "1", archivetest.Layers("base", "one"), archivetest.LayerSize(300<<10)).
		WithImage("base", "1.0", archivetest.Layers("base", "one"), archivetest.LayerSize(300<<10)).
		WithImage("app", "1", archivetest.Layers("base", "app"), archivetest.LayerSize(300<<10))
}

// progressOf returns what Verify told of its progress, and checks its order.
func progressOf(t *testing.T, a *archive.Archive, workers int) (archive.Report, []int64) {
	t.Helper()
	var told []int64
	var busy atomic.Bool
	var last, all int64
	report, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: workers, Progress: func(done, total int64) {
		if !busy.CompareAndSwap(false, true) {
			t.Error("two calls at a time")
		}
		if done < last || done > total || all != 0 && total != all {
			t.Errorf("%d of %d after %d of %d", done, total, last, all)
		}
		last, all = done, total
		told = append(told, done)
		busy.Store(false)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || told[len(told)-1] != all {
		t.Errorf("progress ended with %v of %d", told, all)
	}
	return report, told
}

func TestVerify(t *testing.T) {
	b := aliased(t)
	distinct := map[string]int64{}
	var all, shared int64
	for path, data := range b.Files() {
		if base := path[strings.LastIndex(path, "/")+1:]; len(base) == 64 {
			all += int64(len(data))
			distinct[base] = int64(len(data))
		}
	}
	for _, size := range distinct {
		shared += size
	}
	for name, iso := range map[string]string{"xorriso": b.ISO(t), "genisoimage": b.GenISO(t)} {
		for _, workers := range []int{0, 1, 3} {
			report, told := progressOf(t, open(t, iso), workers)
			if len(report.Findings) > 0 || report.Archive != iso {
				t.Errorf("%s: %+v", name, report)
			}
			if total := told[len(told)-1]; total != shared {
				t.Errorf("%s: %d bytes were hashed; %d are in the image, %d in all of its directories", name, total, shared, all)
			}
		}
	}
	// A tree in memory does not tell which files are one.
	if _, told := progressOf(t, archive.New("tree", b.FS()), 2); told[len(told)-1] != all {
		t.Errorf("%d of %d bytes were hashed", told[len(told)-1], all)
	}
}

func TestVerifyNothing(t *testing.T) {
	if report, told := progressOf(t, archive.New("tree", archivetest.Empty(t).FS()), 0); len(report.Findings) > 0 || told[0] != 0 {
		t.Error(report, told)
	}
}

// logging notes which files are opened.
type logging struct {
	fs.FS
	opened []string
}

func (l *logging) Open(name string) (fs.File, error) {
	l.opened = append(l.opened, name)
	return l.FS.Open(name)
}

// A disk is read from its beginning to its end.
func TestVerifyInOrder(t *testing.T) {
	a := open(t, aliased(t).ISO(t))
	fsys := &logging{FS: a.FS()}
	if _, err := archive.New("a.iso", fsys).Verify(t.Context(), archive.VerifyOptions{Workers: 1}); err != nil {
		t.Fatal(err)
	}
	var last int64
	blobs := 0
	for _, path := range fsys.opened {
		if len(path[strings.LastIndex(path, "/")+1:]) != 64 {
			continue
		}
		e := extent(t, a, path)
		if e.Offset <= last {
			t.Errorf("%s at %d was read after %d", path, e.Offset, last)
		}
		last = e.Offset
		blobs++
	}
	if blobs != 9 {
		t.Errorf("%d blobs were read: %v", blobs, fsys.opened)
	}
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, offset int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	one := make([]byte, 1)
	if _, err := file.ReadAt(one, offset); err != nil {
		t.Fatal(err)
	}
	one[0] ^= 0x10
	if _, err := file.WriteAt(one, offset); err != nil {
		t.Fatal(err)
	}
}

// One bit of a layer that three images share is found, and told once.
func TestVerifyFlippedBit(t *testing.T) {
	b := aliased(t)
	for name, iso := range map[string]string{"xorriso": b.ISO(t), "genisoimage": b.GenISO(t)} {
		a := open(t, iso)
		layer := layerOf(b, "app", "1")
		e := extent(t, a, layer)
		flip(t, iso, e.Offset+e.Length-1)
		report, err := a.Verify(t.Context(), archive.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := "error(import) blob-digest images/app/1/<hex>: damaged: the bytes have digest sha256:<hex>," +
			" and should have sha256:<hex> (so for 2 more files that share these bytes)"
		if diff := cmp.Diff(want, lines(report)); diff != "" || report.Findings[0].Path != layer {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if _, report := a.Inspect(); !report.OK() {
			t.Errorf("Inspect read a blob: %v", report)
		}
		if report.Err(archive.StageImport) == nil || report.Err(archive.StageActivate) != nil {
			t.Error(report.Err())
		}
		flip(t, iso, e.Offset+e.Length-1)
		flip(t, iso, extent(t, a, "images/app/1/manifest.json").Offset)
		if report, _ := a.Verify(t.Context(), archive.VerifyOptions{}); !strings.Contains(lines(report), "image-json images/app/1/manifest.json") {
			t.Errorf("a damaged manifest: %s", lines(report))
		}
	}
}

// An image that becomes shorter while it is open is a finding for each blob.
func TestVerifyShortened(t *testing.T) {
	b := aliased(t)
	iso := b.ISO(t)
	a := open(t, iso)
	layer := layerOf(b, "app", "1")
	if err := os.Truncate(iso, extent(t, a, layer).Offset+100); err != nil {
		t.Fatal(err)
	}
	report, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || !strings.Contains(lines(report), "unreadable images/") || !strings.Contains(lines(report), ": unexpected EOF") {
		t.Errorf("%v: %s", err, lines(report))
	}
}

func TestVerifyCancelled(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	_, err := open(t, iso).Verify(ctx, archive.VerifyOptions{})
	if want := "checking the digests of " + iso + ": enough"; !errors.Is(err, why) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// closing closes the archive under way.
type closing struct {
	fs.FS
	path string
}

type closedFile struct{ fs.File }

func (c closing) Open(name string) (fs.File, error) {
	file, err := c.FS.Open(name)
	if err == nil && name == c.path {
		return closedFile{file}, nil
	}
	return file, err
}

func (closedFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: "a.iso", Err: os.ErrClosed}
}

func TestVerifyClosed(t *testing.T) {
	b := archivetest.New(t)
	layer := layerOf(b, "example-solution-ui", "1.0.0")
	_, err := archive.New("a.iso", closing{b.FS(), layer}).Verify(t.Context(), archive.VerifyOptions{})
	if !errors.Is(err, fs.ErrClosed) || !strings.HasPrefix(err.Error(), "checking the digests of a.iso: ") {
		t.Error(err)
	}
}

// The directories can be dropped, and read again from the file that is open,
// whatever is at its path by then.
func TestOpenFile(t *testing.T) {
	path := archivetest.New(t).ISO(t)
	first, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	again, err := archive.OpenFile(path, first.File())
	if err != nil {
		t.Fatal(err)
	}
	report, err := again.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(report.Findings) > 0 || again.File() != first.File() || again.Path() != path {
		t.Errorf("%v, %+v", err, report)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := archive.OpenFile(path, first.File()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("closed: %v", err)
	}
}
