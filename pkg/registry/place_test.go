// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// fileAt is a file of an image by what is asked about it.
type fileAt struct {
	fs.FileInfo
	sys any
}

func (f fileAt) Sys() any { return f.sys }

// A place leads back to the extents of which it was made, whatever they are.
func TestPlace(t *testing.T) {
	c := &content{}
	const last = math.MaxUint32 * sectorBytes
	for _, want := range []iso9660.Extents{
		{{Offset: 32 * sectorBytes, Length: 1}},
		{{Offset: last, Length: 4<<30 - 1}},
		{{Offset: sectorBytes, Length: inSections<<32 - 1}},
		{{Offset: sectorBytes, Length: inSections << 32}},
		{{Offset: last + sectorBytes, Length: 5}},
		{{Offset: 77, Length: 5}},
		{{Offset: 50 * sectorBytes, Length: sectorBytes}, {Offset: 40 * sectorBytes, Length: 9}},
	} {
		p := c.placeOf(fileAt{sys: &want}, 7)
		if got := c.extents(p); !slices.Equal(got, want) || p.image != 7 {
			t.Errorf("%v, image %d; want %v", got, p.image, want)
		}
	}
	if len(c.sections) != 4 {
		t.Errorf("%d of them are kept in full", len(c.sections))
	}
	for _, empty := range []any{&iso9660.Extents{}, nil} {
		if got := iso9660.NewReader(nil, c.extents(c.placeOf(fileAt{sys: empty}, 0))).Size(); got != 0 {
			t.Errorf("%T: %d bytes", empty, got)
		}
	}
}

// served has a fixture serve an archive by hand: a file of size bytes without any
// but marks, and one blob in it.
func served(t *testing.T, size int64, marks []int64, d digest, extents iso9660.Extents) (*fixture, string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	for _, at := range marks {
		if _, err := fmt.Fprintf(io.NewOffsetWriter(file, at), "%012d", at); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	c := &content{secret: newSecret(), repositories: []repository{{name: "a", to: 1}}, images: []image{{tag: "1"}}}
	c.blobs = table{{c.secret.key(d), c.placeOf(fileAt{sys: &extents}, 0)}}
	o := &opened{content: c, id: id, path: file.Name(), file: file, log: slog.New(slog.NewTextHandler(f.log, nil))}
	if o.identity, err = identityOf(file); err != nil {
		t.Fatal(err)
	}
	o.holders.Store(2) // the fixture does not close what it did not open
	f.set.current.Store(&state{archives: []*opened{o}, byID: map[string]*opened{id: o}})
	return f, "/v2/" + id + "/a/blobs/" + d.String()
}

// Any part of a blob above 4 GiB is served, whether it is one run of bytes or
// several that do not adjoin.
func TestLargeBlob(t *testing.T) {
	const gib = 1 << 30
	marks := []int64{sectorBytes, 4*gib - 6, 4*gib + sectorBytes - 6, 6 * gib}
	for name, c := range map[string]struct {
		extents iso9660.Extents
		at      map[int64]int64 // where in the blob which mark is
	}{
		"one run": {
			iso9660.Extents{{Offset: sectorBytes, Length: 5*gib + 7}},
			map[int64]int64{0: marks[0], marks[1] - sectorBytes: marks[1], 4*gib - 6: marks[2]},
		},
		"sections": {
			iso9660.Extents{{Offset: 6 * gib, Length: gib}, {Offset: sectorBytes, Length: 4*gib + 7}},
			map[int64]int64{0: marks[3], gib: marks[0], marks[1] - sectorBytes + gib: marks[1], 5*gib - 6: marks[2]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, path := served(t, 8*gib, marks, digest{1}, c.extents)
			if w := f.do(http.MethodHead, path); w.Code != http.StatusOK || w.Header().Get("Content-Length") != itoa(5*gib+7) {
				t.Errorf("status %d, %v", w.Code, w.Header())
			}
			for from, mark := range c.at {
				// With what comes before, which may be the end of a section.
				before := min(from, 4)
				want := fmt.Sprintf("%s%012d", make([]byte, before), mark)
				w := f.get(path, "Range", fmt.Sprintf("bytes=%d-%d", from-before, from+11))
				if w.Code != http.StatusPartialContent || w.Body.String() != want {
					t.Errorf("at %d: status %d, %q, want %q", from, w.Code, w.Body, want)
				}
			}
		})
	}
}

// A file that became shorter than what the table says of it gives an error,
// and no blob that ends early.
func TestBlobBeyondEnd(t *testing.T) {
	for name, extents := range map[string]iso9660.Extents{
		"one run":  {{Offset: sectorBytes, Length: 3 * sectorBytes}},
		"sections": {{Offset: sectorBytes, Length: sectorBytes}, {Offset: 3 * sectorBytes, Length: sectorBytes}},
		"the last": {{Offset: sectorBytes, Length: 10}, {Offset: 5 * sectorBytes, Length: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := served(t, 3*sectorBytes+5, nil, digest{1}, extents)
			o := f.set.current.Load().archives[0]
			b := &blob{ReadSeeker: o.findBlob("a", digest{1}), archive: o, digest: digest{1}}
			_, err := io.Copy(io.Discard, b)
			if !errors.Is(err, io.ErrUnexpectedEOF) || !b.failed.Load() || o.check() == nil || !strings.Contains(err.Error(), o.path) {
				t.Errorf("%v; then %v", err, o.check())
			}
			if m, err := o.readManifest(&o.blobs[0], digest{1}); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("as a manifest: %v, %v", m, err)
			}
		})
	}
}

// Of copies at several places an image has its own, and the first where it has
// none.
func TestOwnCopy(t *testing.T) {
	marks := []int64{sectorBytes, 5 * sectorBytes}
	d := digest{1}
	f, _ := served(t, 8*sectorBytes, marks, d, iso9660.Extents{{Offset: marks[0], Length: 12}})
	o := f.set.current.Load().archives[0]
	o.repositories = []repository{{name: "a", to: 1}, {name: "b", from: 1, to: 2}, {name: "c", from: 2, to: 3}}
	other := fileAt{sys: &iso9660.Extents{{Offset: marks[1], Length: 12}}}
	o.blobs = append(o.blobs, stored{o.secret.key(d), o.placeOf(other, 1)})
	for name, want := range map[string]int64{"a": marks[0], "b": marks[1], "c": marks[0], "none": marks[0]} {
		got, err := io.ReadAll(o.findBlob(name, d))
		if err != nil || string(got) != fmt.Sprintf("%012d", want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if o.findBlob("a", digest{2}) != nil {
		t.Error("there is a blob that is not there")
	}
}
