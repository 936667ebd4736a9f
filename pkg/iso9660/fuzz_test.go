// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

var update = flag.Bool("update", false, "make the fuzz seeds in testdata anew")

// seedStart is where seeds start: an image has nothing of use before.
const seedStart = firstDescriptor * sectorSize

// seed is an image without its first 16 sectors, which keeps a fuzzer's
// mutations on what matters. It counts what is read.
type seed struct {
	b    []byte
	read int64
}

func (s *seed) ReadAt(p []byte, off int64) (int, error) {
	clear(p[:min(int64(len(p)), max(0, seedStart-off))])
	skipped := min(int64(len(p)), max(0, seedStart-off))
	n, err := bytes.NewReader(s.b).ReadAt(p[skipped:], max(0, off-seedStart))
	s.read += int64(n)
	return n + int(skipped), err
}

func (s *seed) size() int64 { return seedStart + int64(len(s.b)) }

// seedImages are the options that the seeds in testdata are made with.
func seedImages() map[string][2]string {
	return map[string][2]string{
		"xorriso-rockridge":     {"xorriso", "-R"},
		"xorriso-joliet":        {"xorriso", "--norock -J -joliet-long"},
		"genisoimage-relocated": {"genisoimage", "-R -no-pad -input-charset utf-8"},
		"genisoimage-both":      {"genisoimage", "-R -J -joliet-long -no-pad -input-charset utf-8"},
	}
}

// TestUpdateSeeds makes testdata anew with -update.
func TestUpdateSeeds(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	for name, how := range seedImages() {
		dir := t.TempDir()
		write(t, dir, map[string]string{
			"manifest.yaml": "kind: Solution\n", "empty": "",
			"images/app/1.0.0/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef":               "blob",
			"images/app/1.0.0/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.manifest.json": "{}",
		})
		if name == "genisoimage-relocated" {
			write(t, dir, map[string]string{"1/2/3/4/5/6/7/8/9/deep": "deep"})
		}
		for link, target := range map[string]string{"link": "images/app/../app", "long": "01234567890123456789/012345678901234567890123456789/0123456789/./../a/b/c/d/e/f/g"} {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(mkisofs(t, how[0], how[1], dir))
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.TrimRight(b[seedStart:], "\x00")
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if _, err := z.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(z.Close(), os.WriteFile(filepath.Join("testdata", name+".gz"), packed.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, packed %d", name, len(b), packed.Len())
	}
}

// seeds are the images in testdata, unpacked, and some made by hand.
func seeds(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name := range seedImages() {
		f, err := os.Open(filepath.Join("testdata", name+".gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		// A whole sector, since the last file's content need not be.
		out[name] = append(b, make([]byte, sectorSize)...)
	}
	links := newDisc(link("l", sl(1, "a", ".."), ce(31, 4, 9)), link("m", sl(0, "/", "b")), moved("deep", 20), folder("rr_moved", 19))
	links.dir(19, nil, folder("deep", 20, susp1("RE")))
	links.dir(20, nil, section("parts", 30, sectorSize, flagMore), section("parts", 33, 3, 0))
	copy(links.sector(31)[4:], sl(0, "bcd"))
	out["made by hand"] = links.b[seedStart:]
	return out
}

// Every seed opens, so that a fuzzer starts from images that are right.
func TestSeeds(t *testing.T) {
	for name, b := range seeds(t) {
		s := &seed{b: b}
		x, err := Open(s, s.size())
		if err != nil || len(b) > 128<<10 {
			t.Fatalf("%s (%d bytes): %v", name, len(b), err)
		}
		if len(x.nodes) < 5 {
			t.Errorf("%s: only %d entries", name, len(x.nodes))
		}
		checkOpened(t, s)
	}
}

// checkOpened opens an image, right or wrong, and if it opens, checks that all
// in it can be reached and is inside the image.
func checkOpened(t *testing.T, s *seed) {
	x, err := Open(s, s.size())
	if err != nil {
		return
	}
	err = fs.WalkDir(x, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !fs.ValidPath(path) {
			t.Fatalf("%q: %v", path, err)
		}
		info, err := x.Lstat(path)
		if err != nil || info.Mode() != must(d.Info()).Mode() || info.Name() != d.Name() {
			t.Fatalf("%q: listed as %v, found as %v (%v)", path, d, info, err)
		}
		_ = info.ModTime()
		if e, ok := info.Sys().(*Extents); ok {
			checkFile(t, x, s, path, info.Size(), *e)
		}
		if d.Type() == fs.ModeSymlink {
			_, _ = x.Stat(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, x *FS, s *seed, path string, size int64, extents Extents) {
	var sum int64
	for _, e := range extents {
		if e.Offset < 0 || e.Length <= 0 || e.end() > s.size() {
			t.Fatalf("%q: extent %v in an image of %d bytes", path, e, s.size())
		}
		sum += e.Length
	}
	got, err := x.ReadFile(path)
	if err != nil || int64(len(got)) != size || sum != size {
		t.Fatalf("%q: %d bytes by its size, %d read, %d in extents: %v", path, size, len(got), sum, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzOpen(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 1<<20 {
			checkOpened(t, &seed{b: b})
		}
	})
}

// Images with some bytes changed open or give an error, and neither takes more
// memory nor more reading than an image of that size can be worth.
func TestMutations(t *testing.T) {
	all := seeds(t)
	for _, name := range []string{"genisoimage-both", "genisoimage-relocated", "made by hand", "xorriso-joliet", "xorriso-rockridge"} {
		random, opened := rand.New(rand.NewPCG(1, 2)), 0
		used := used(all[name])
		for range 1000 {
			s := &seed{b: mutate(all[name], used, random)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Open(s, s.size())
			runtime.ReadMemStats(&after)
			if err == nil {
				opened++
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 2<<20 {
				t.Fatalf("%s: %d bytes allocated (%v)", name, got, err)
			}
			if s.read > 8*s.size() {
				t.Fatalf("%s: %d bytes read of %d (%v)", name, s.read, s.size(), err)
			}
			checkOpened(t, s)
		}
		if opened < 10 || opened > 990 {
			t.Errorf("%s: %d of 1000 open, so the changes show little", name, opened)
		}
	}
}

// used are the places of an image that hold something.
func used(b []byte) (at []int) {
	for i, c := range b {
		if c != 0 {
			at = append(at, i)
		}
	}
	return at
}

// mutate changes up to 8 bytes, mostly of those in use or next to one.
func mutate(b []byte, used []int, random *rand.Rand) []byte {
	b = bytes.Clone(b)
	for range 1 + random.IntN(8) {
		at := used[random.IntN(len(used))] + random.IntN(3) - 1
		at = min(max(at, 0), len(b)-1)
		switch random.IntN(4) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = byte(random.Uint32())
		case 2:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[random.IntN(5)]
		case 3: // a piece of the image over another
			from := used[random.IntN(len(used))]
			copy(b[at:], b[from:min(len(b), from+1+random.IntN(64))])
		}
	}
	return b
}
