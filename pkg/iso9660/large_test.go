// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// A file above 4 GiB has several sections in the image, and one extent here.
func TestLargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads and makes 4.1 GiB")
	}
	const size = 4<<30 + 100<<20 + 1
	dir := memory(t)
	sparse, err := os.Create(filepath.Join(dir, "large"))
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	marks := []int64{0, 1 << 31, 1<<32 - 2048 - 5, 1<<32 - 5, size - 10}
	for _, at := range marks {
		if _, err := sparse.WriteAt(fmt.Appendf(nil, "%010d", at), at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, map[string]string{"after": "a file behind it"})
	// The image is as sparse as the file: writing all of it takes longer than all other tests here.
	image := filepath.Join(t.TempDir(), "image.iso")
	need.Program(t, "xorriso")
	tool(t, "bash", "-o", "pipefail", "-c", `xorriso -as mkisofs -R -J -iso-level 3 -quiet -o - "$1" | dd of="$2" bs=64K iflag=fullblock conv=sparse`, "bash", dir, image)
	x := openImage(t, image)

	e := extents(t, x, "large")
	if len(e) != 1 || e[0].Length != size {
		t.Fatalf("extents %v, want one of %d bytes", e, int64(size))
	}
	f, err := x.Open("large")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Each mark with what is around it, and a stretch every 61 MiB.
	for at := int64(0); at < size; at += 61 << 20 {
		marks = append(marks, at)
	}
	stored, ok := f.(io.ReaderAt)
	if !ok {
		t.Fatal("the file is no io.ReaderAt")
	}
	for _, at := range marks {
		from, length := max(0, at-1<<20), int64(2<<20)
		if diff := cmp.Diff(digest(t, io.NewSectionReader(sparse, from, length)), digest(t, io.NewSectionReader(stored, from, length))); diff != "" {
			t.Errorf("the file's content at %d (-source +image):\n%s", at, diff)
		}
	}
	if got, err := fs.ReadFile(x, "after"); string(got) != "a file behind it" || err != nil {
		t.Errorf("after: %q, %v", got, err)
	}
}

// memory is a folder in memory, where there is one: a file system on a disk takes
// 15 s of a processor to read what a sparse file does not have.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "iso9660-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// blobs makes an image of n files with names such as an archive's, some 100 to
// a directory, or all in one.
func blobs(t testing.TB, n int, oneDirectory bool) string {
	t.Helper()
	dir, files := t.TempDir(), map[string]string{}
	for i := range n {
		parent := "images"
		if !oneDirectory {
			parent = fmt.Sprintf("images/image-%d/1.0.%d", i/500, i/100%5)
		}
		files[fmt.Sprintf("%s/%x", parent, sha256.Sum256([]byte(fmt.Sprint(i))))] = ""
	}
	write(t, dir, files)
	return mkisofs(t, "xorriso", "-R -J -joliet-long", dir)
}

// A mount holds the index of its archive for as long as it lasts, and each has
// 10,000 files: 100 bytes an entry, its name included.
func TestIndexMemory(t *testing.T) {
	if size := unsafe.Sizeof(node{}); size != 24 {
		t.Errorf("a node takes %d bytes, want 24", size)
	}
	image := blobs(t, 3000, false)
	before := heap()
	x := openImage(t, image)
	used := heap() - before
	t.Logf("%d entries in %d bytes", len(x.nodes), used)
	if limit := 100 * int64(len(x.nodes)); used > limit {
		t.Errorf("the index of %d entries takes %d bytes, want at most %d", len(x.nodes), used, limit)
	}
	runtime.KeepAlive(x)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// 30,000 files in 300 directories.
func BenchmarkOpen(b *testing.B) {
	image := blobs(b, 30_000, false)
	f, err := os.Open(image)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(f, info.Size()); err != nil {
			b.Fatal(err)
		}
	}
}

// One of 20,000 files in a directory.
func BenchmarkLookup(b *testing.B) {
	x := openImage(b, blobs(b, 20_000, true))
	entries, err := x.ReadDir("images")
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Stat("images/" + entries[i%len(entries)].Name()); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}
