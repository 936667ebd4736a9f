// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// largeBytes is more than what sockets keep of a blob that nobody reads.
const largeBytes = 16 << 20

// large is an archive with a blob of largeBytes in image large:1, and that
// blob's path below /v2/ and bytes.
func large(t testing.TB, version string) (iso, path string, data []byte) {
	t.Helper()
	data = make([]byte, largeBytes)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	hex := archivetest.Hex(data)
	manifest := `{"schemaVersion":2,"config":{"digest":"sha256:` + hex + `","size":` + itoa(largeBytes) + `},"layers":[]}`
	iso = archivetest.New(t).WithVersion(version).
		WithFile("images/large/1/manifest.json", manifest).
		WithFile("images/large/1/version", archivetest.VersionFile).
		WithFile("images/large/1/"+hex, string(data)).ISO(t)
	return iso, "/v2/example-solution-" + version + "/large/blobs/sha256:" + hex, data
}

// problemsOf are the paths of problems.
func (f *fixture) problemsOf() []string {
	paths := []string{}
	for _, p := range f.set.Problems() {
		paths = append(paths, filepath.Base(p.Path)+": "+p.Error)
	}
	return paths
}

func (f *fixture) catalog() []string {
	return f.set.current.Load().repositories
}

func TestUpdate(t *testing.T) {
	one, two := archivetest.New(t).ISO(t), archivetest.New(t).WithVersion("2.0.0").ISO(t)
	again := archivetest.New(t).WithImage("more", "1").ISO(t)
	missing := filepath.Join(t.TempDir(), "missing.iso")
	f := newFixture(t)
	for _, step := range []struct {
		paths    []string
		images   int
		problems []string
	}{
		{[]string{one}, 2, nil},
		{[]string{one, two, one, filepath.Dir(two) + "/./" + filepath.Base(two)}, 4, nil},
		{[]string{missing, two}, 2, []string{"missing.iso: opening " + missing + ": no such file or directory"}},
		{[]string{one, again}, 2, []string{"solution.iso: " + one + " holds example-solution-1.0.0 too, and is served"}},
		{[]string{again, one}, 3, []string{"solution.iso: " + again + " holds example-solution-1.0.0 too, and is served"}},
		{[]string{again}, 3, nil},
		{nil, 0, nil},
	} {
		f.set.Update(step.paths)
		if got := f.catalog(); len(got) != step.images || !slices.IsSorted(got) {
			t.Errorf("%q: %q", step.paths, got)
		}
		if diff := cmp.Diff(append([]string{}, step.problems...), f.problemsOf()); diff != "" {
			t.Errorf("%q: -want +got:\n%s", step.paths, diff)
		}
	}
	if log := f.log.String(); strings.Count(log, "msg=serving") != 4 || strings.Count(log, "no longer served") != 4 {
		t.Error(log)
	}
}

// An archive that has not changed is not opened again.
func TestUpdateKeeps(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	f := newFixture(t, iso)
	before := f.set.current.Load().byID[id]
	if f.set.Update([]string{iso}) {
		t.Error("it says that something changed")
	}
	if f.set.current.Load().byID[id] != before || before.holders.Load() != 1 {
		t.Errorf("opened again; %d holders", before.holders.Load())
	}
	if !f.set.Update(nil) {
		t.Error("it says that nothing changed")
	}
}

// What cannot be imported is not served, and says why.
func TestUpdateRefuses(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.iso")
	write(t, text, []byte("no image"))
	incomplete := archivetest.New(t).Without(archivetest.New(t).Blobs("example-solution-ui", "1.0.0")[0]).ISO(t)
	f := newFixture(t)
	f.set.Update([]string{folder, text, incomplete})
	got := f.problemsOf()
	for i, want := range []string{"it is a directory", "not an ISO 9660 image", "does not hold this"} {
		if len(got) != 3 || !strings.Contains(got[i], want) {
			t.Errorf("%q; want %q in %d", got, want, i)
		}
	}
	// Once it is an archive, it is served at once.
	write(t, text, read(t, archivetest.New(t).ISO(t)))
	f.set.Update([]string{text})
	if got := f.problemsOf(); len(got) > 0 || len(f.catalog()) != 2 {
		t.Errorf("%q, %q", got, f.catalog())
	}
}

// slowPull begins to read a blob, and returns its first bytes and the rest.
func slowPull(t *testing.T, f *fixture, path string) ([]byte, io.ReadCloser) {
	t.Helper()
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1000)
	if _, err := io.ReadFull(response.Body, first); err != nil || response.ContentLength != largeBytes {
		t.Fatalf("%v, %d bytes", err, response.ContentLength)
	}
	return first, response.Body
}

func TestRemovalDuringPull(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	f := newFixture(t, iso)
	o := f.set.current.Load().byID[id]
	first, rest := slowPull(t, f, path)
	f.set.Update(nil)
	if err := os.Remove(iso); err != nil {
		t.Fatal(err)
	}
	f.refused(f.get(path), http.StatusNotFound, "NAME_UNKNOWN")
	all, err := io.ReadAll(rest)
	if err != nil || !bytes.Equal(append(first, all...), data) {
		t.Errorf("%v, %d bytes", err, len(first)+len(all))
	}
	closed := func() bool {
		_, err := o.file.Stat()
		return errors.Is(err, os.ErrClosed)
	}
	for deadline := time.Now().Add(10 * time.Second); !closed(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file stays open")
		}
	}
	if o.hold() {
		t.Error("a closed archive can be held")
	}
}

// changes are what may happen to an archive's file that is served.
var changes = map[string]func(t *testing.T, path string){
	"truncated": func(t *testing.T, path string) {
		if err := os.Truncate(path, 1<<20); err != nil {
			t.Fatal(err)
		}
	},
	"emptied": func(t *testing.T, path string) { write(t, path, nil) },
	"overwritten by another archive": func(t *testing.T, path string) {
		other, _, _ := large(t, "1.0.0")
		overwrite(t, path, read(t, other))
	},
	"one byte changed, and the time set back": func(t *testing.T, path string) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		data := read(t, path)
		data[len(data)-largeBytes/2] ^= 1
		overwrite(t, path, data)
		if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	},
}

// A change in the middle of a pull ends it with an error, and what came before
// is right; other archives are served on.
func TestChangeDuringPull(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			iso, path, data := large(t, "1.0.0")
			other := archivetest.New(t).WithVersion("2.0.0").ISO(t)
			f := newFixture(t, iso, other)
			first, rest := slowPull(t, f, path)
			change(t, iso)
			got, err := io.ReadAll(rest)
			got = append(first, got...)
			if err == nil || len(got) >= len(data) || !bytes.Equal(got, data[:len(got)]) {
				t.Errorf("%v after %d bytes, right: %t", err, len(got), bytes.HasPrefix(data, got))
			}
			f.refused(f.get(path), http.StatusServiceUnavailable, "UNAVAILABLE")
			if w := f.get("/v2/example-solution-2.0.0/example-solution-ui/manifests/1.0.0"); w.Code != http.StatusOK {
				t.Errorf("the other archive: status %d", w.Code)
			}
			if !strings.Contains(f.log.String(), "msg=damaged") {
				t.Error(f.log)
			}
		})
	}
}

// After a change no request is answered with the archive's content, manifests
// from memory included, until it is opened again.
func TestChangeBetweenRequests(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			iso, path, _ := large(t, "1.0.0")
			f := newFixture(t, iso)
			base := "/v2/" + id + "/large/"
			whole := read(t, iso)
			if w := f.get(base + "manifests/1"); w.Code != http.StatusOK {
				t.Fatal(w.Code)
			}
			change(t, iso)
			for _, path := range []string{path, base + "manifests/1", base + "tags/list", base + "referrers/sha256:" + strings.Repeat("0", 64)} {
				f.refused(f.get(path), http.StatusServiceUnavailable, "UNAVAILABLE")
			}
			if got := f.problemsOf(); len(got) != 1 || got[0] != "solution.iso: "+iso+" has changed since it was opened" {
				t.Errorf("%q", got)
			}
			write(t, iso+".new", whole)
			if err := os.Rename(iso+".new", iso); err != nil {
				t.Fatal(err)
			}
			f.set.Update([]string{iso})
			if w := f.get(path); w.Code != http.StatusOK || w.Body.Len() != largeBytes {
				t.Errorf("opened again: status %d", w.Code)
			}
		})
	}
}

// A listed file that is removed, or replaced by what is no archive, is served
// on from what was opened, and is a problem.
func TestFileGone(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	f := newFixture(t, iso)
	if err := os.Remove(iso); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no such file", "not an ISO 9660 image"} {
		f.set.Update([]string{iso})
		if w := f.get(path); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), data) {
			t.Errorf("status %d", w.Code)
		}
		if got := f.problemsOf(); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q", got)
		}
		write(t, iso, []byte("no image"))
	}
}

// A blob that two archives have is served by the one that is whole.
func TestDamagedSibling(t *testing.T) {
	b := archivetest.New(t)
	one, two := b.ISO(t), b.WithVersion("2.0.0").ISO(t)
	f := newFixture(t, one, two)
	write(t, one, nil)
	blob := b.Blobs("example-solution-ui", "1.0.0")[0]
	f.holds("/v2/"+id+"/example-solution-ui/blobs/sha256:"+filepath.Base(blob), "application/octet-stream", b.Files()[blob])
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// overwrite changes a file's bytes in place.
func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt(data, 0)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// meddler is a client's connection on which a file is changed once something
// was sent.
type meddler struct {
	*httptest.ResponseRecorder
	meddle func()
}

func (m *meddler) Write(p []byte) (int, error) {
	m.meddle()
	return m.ResponseRecorder.Write(p)
}

// An answer that cannot go on is aborted, whatever the server around it makes
// of one that is too short.
func TestAbort(t *testing.T) {
	iso, path, _ := large(t, "1.0.0")
	f := newFixture(t, iso)
	defer func() {
		if got := recover(); got != any(http.ErrAbortHandler) {
			t.Errorf("it ended with %v", got)
		}
		if o := f.set.current.Load().byID[id]; o.holders.Load() != 1 {
			t.Errorf("%d holders afterwards", o.holders.Load())
		}
	}()
	w := &meddler{httptest.NewRecorder(), func() { changes["truncated"](t, iso) }}
	f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
}

// Requests for what is not there do not go on holding the archive, whoever
// answers them.
func TestNotFoundHoldsNothing(t *testing.T) {
	f := newFixture(t, archivetest.New(t).ISO(t))
	o := f.set.current.Load().byID[id]
	for _, rest := range []string{
		"/none/manifests/1", "/none/tags/list", "/example-solution-ui/manifests/none",
		"/example-solution-ui/blobs/sha256:" + archivetest.Hex(nil),
	} {
		path := "/v2/" + id + rest
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		m := f.handler.lookup(path)
		if n := o.holders.Load(); w.Code != http.StatusNotFound || m != nil || n != 1 {
			t.Errorf("%s: status %d, %v, and %d holders afterwards", path, w.Code, m, n)
		}
	}
}

// A manifest is held against its digest when it is read to be served.
func TestManifestDigest(t *testing.T) {
	f := newFixture(t, archivetest.New(t).ISO(t))
	o := f.set.current.Load().byID[id]
	from := o.findManifest(&o.repositories[0], o.images[0].digest)
	if m, err := o.readManifest(from, o.images[0].digest); err != nil || len(m.data) == 0 {
		t.Fatal(err)
	}
	_, err := o.readManifest(from, digest{})
	if err == nil || !strings.Contains(err.Error(), " in "+o.path+" is not any more") || o.check() == nil {
		t.Errorf("%v; then %v", err, o.check())
	}
}

// A child manifest that is not what its name says is left out, and the rest of
// the archive served.
func TestChildOfAnotherDigest(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	other := refer(b, "signature", subject, "")
	zero := strings.Repeat("0", 64)
	b.Without("images/a/signature").WithFile("images/a/1/"+zero+".manifest.json", other)
	f := newFixture(t, b.ISO(t))
	base := "/v2/" + id + "/a/"
	for _, digest := range []string{zero, archivetest.Hex([]byte(other))} {
		f.refused(f.get(base+"manifests/sha256:"+digest), http.StatusNotFound, "MANIFEST_UNKNOWN")
	}
	f.refers(base+"referrers/sha256:"+archivetest.Hex(subject), false, []descriptorOf{})
	f.holds(base+"manifests/1", typeOCIManifest, subject)
	if !strings.Contains(f.log.String(), `msg="not served"`) {
		t.Error(f.log)
	}
}
