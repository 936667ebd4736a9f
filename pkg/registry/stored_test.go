// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// digests are n different ones.
func digests(n int) []digest {
	random := rand.NewChaCha8([32]byte{})
	list := make([]digest, n)
	for i := range list {
		_, _ = random.Read(list[i][:])
	}
	return list
}

// Every digest is found where it is, and one that differs in any bit is not.
func TestTable(t *testing.T) {
	s := newSecret()
	list := digests(1000)
	var files table
	for i, d := range list {
		files = append(files, stored{s.key(d), place{first: uint32(i)}})
	}
	files.sort()
	for i, d := range list {
		if found := files.find(s.key(d)); len(found) != 1 || found[0].first != uint32(i) {
			t.Fatalf("%d: %v", i, found)
		}
		d[i%len(d)] ^= 1 << (i % 8)
		if found := files.find(s.key(d)); len(found) != 0 {
			t.Errorf("%d: another digest: %v", i, found)
		}
	}
	if found := table(nil).find(s.key(list[0])); len(found) != 0 {
		t.Errorf("in an empty table: %v", found)
	}
}

// Keys of one archive do not tell those of another.
func TestSecret(t *testing.T) {
	d := digest{1}
	if one, two := newSecret().key(d), newSecret().key(d); one == two {
		t.Errorf("%x, twice", one)
	}
}

// Copies are kept apart only where they are at several places; the first of a
// repository's images is its own.
func TestTableDistinct(t *testing.T) {
	at := func(k byte, first uint32, image uint16) stored {
		return stored{key{k}, place{first: first, image: image}}
	}
	files := table{at(2, 8, 0), at(3, 9, 3), at(1, 7, 2), at(2, 9, 4), at(1, 7, 1), at(3, 9, 5), at(2, 8, 6), at(1, 7, 0)}
	files.sort()
	files = files.distinct()
	want := table{at(1, 7, 0), at(2, 8, 0), at(2, 9, 4), at(2, 8, 6), at(3, 9, 3)}
	if !slices.Equal(files, want) {
		t.Errorf("%v, want %v", files, want)
	}
	for _, c := range []struct {
		from, to uint16
		want     *stored
	}{{0, 1, &want[1]}, {4, 5, &want[2]}, {5, 9, &want[3]}, {1, 4, nil}} {
		got := files.find(key{2}).of(&repository{from: c.from, to: c.to})
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(stored{}, place{})); diff != "" {
			t.Errorf("images %d to %d: -want +got:\n%s", c.from, c.to, diff)
		}
	}
}

// An archive that is open keeps no directories: 28 bytes for a file, and little
// else.
func TestMemoryOfArchive(t *testing.T) {
	if size := unsafe.Sizeof(stored{}); size != 28 {
		t.Errorf("a file takes %d bytes, want 28", size)
	}
	const files = 3000
	dir := archivetest.New(t).Dir()
	for i := range files {
		data := fmt.Sprint(i)
		if err := os.WriteFile(dir+"/images/example-solution-ui/1.0.0/"+archivetest.Hex([]byte(data)), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	iso := archivetest.Pack(t, dir, "xorriso", "-as", "mkisofs")
	newFixture(t, iso).set.Close() // what is needed once for all is there then
	f := newFixture(t)
	before := heap()
	f.set.Update([]string{iso})
	used := heap() - before
	t.Logf("%d files in %d bytes", files, used)
	if used > 40*files {
		t.Errorf("an archive of %d files takes %d bytes, want at most 40 each", files, used)
	}
	runtime.KeepAlive(f.set)
}

// A digest that differs from one that is there by a digit is not there, and
// asking for it harms nothing.
func TestOtherDigest(t *testing.T) {
	b := archivetest.New(t)
	f := newFixture(t, b.ISO(t))
	base := "/v2/" + id + "/example-solution-ui/"
	manifest := archivetest.Hex(b.Files()["images/example-solution-ui/1.0.0/manifest.json"])
	blob := filepath.Base(b.Blobs("example-solution-ui", "1.0.0")[0])
	for path, code := range map[string]string{base + "manifests/sha256:" + manifest: "MANIFEST_UNKNOWN", base + "blobs/sha256:" + blob: "BLOB_UNKNOWN"} {
		for _, i := range []int{len(path) - 64, len(path) - 32, len(path) - 1} {
			digit := "0"
			if path[i] == '0' {
				digit = "1"
			}
			f.refused(f.get(path[:i]+digit+path[i+1:]), http.StatusNotFound, code)
		}
		if w := f.get(path); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}
