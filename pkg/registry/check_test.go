// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// checking is a fixture that serves what is known to be whole only.
func checking(t *testing.T) (*fixture, verified.Folder) {
	t.Helper()
	f, folder := newFixture(t), verified.Folder{Path: filepath.Join(t.TempDir(), "verified")}
	f.set.RequireChecked(folder)
	return f, folder
}

// note says that an archive was checked in the state in which it is, if there
// is one.
func note(t *testing.T, folder verified.Folder, iso string) {
	t.Helper()
	a, err := archive.Open(iso)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	state, err := verified.StateOf(a.File())
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Note(iso, state); err != nil {
		t.Fatal(err)
	}
}

// settle updates until no check is under way.
func (f *fixture) settle(paths ...string) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f.set.Update(paths)
		if len(f.set.current.Load().checking) == 0 {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatal("a check does not end")
		}
	}
}

const manifestPath = "/v2/" + id + "/example-solution-ui/manifests/1.0.0"

// What was checked at import is served at once; anything else is checked first.
func TestChecked(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	f, folder := checking(t)
	f.set.checks.mu.Lock() // no check comes to its end
	f.set.Update([]string{iso})
	f.refused(f.get(manifestPath), http.StatusServiceUnavailable, "UNAVAILABLE")
	f.refused(f.get("/v2/other-1.0.0/image/manifests/1"), http.StatusNotFound, "NAME_UNKNOWN")
	if problems := f.set.Problems(); len(problems) != 1 || problems[0].Path != iso || problems[0].Error != errChecking.Error() {
		t.Errorf("%+v", problems)
	}
	f.set.checks.mu.Unlock()
	f.settle(iso)
	if w := f.get(manifestPath); w.Code != http.StatusOK || len(f.set.Problems()) > 0 {
		t.Errorf("status %d, %+v", w.Code, f.set.Problems())
	}

	f.set.Update(nil)
	note(t, folder, iso)
	f.set.checks.mu.Lock()
	defer f.set.checks.mu.Unlock()
	f.set.Update([]string{iso})
	if w := f.get(manifestPath); w.Code != http.StatusOK {
		t.Errorf("checked at import: status %d", w.Code)
	}
}

// damage changes a byte in a blob, and nothing else that can be told.
func damage(t *testing.T, iso string, blob []byte) {
	t.Helper()
	data := read(t, iso)
	i := bytes.Index(data, blob)
	if i < 0 {
		t.Fatal("the blob is not in the archive")
	}
	file, err := os.OpenFile(iso, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{^data[i]}, int64(i)); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that was written to after its import is not served, although its
// structure is right; once it is what it was, it is.
func TestCheckedFails(t *testing.T) {
	b := archivetest.New(t)
	iso, blob := b.ISO(t), b.Files()[b.Blobs("example-solution-ui", "1.0.0")[0]]
	f, folder := checking(t)
	note(t, folder, iso)
	damage(t, iso, blob)
	f.settle(iso)
	f.refused(f.get(manifestPath), http.StatusNotFound, "NAME_UNKNOWN")
	if problems := f.set.Problems(); len(problems) != 1 || !strings.Contains(problems[0].Error, "not served: ") {
		t.Errorf("%+v", problems)
	}
	// As long as it stays as it is, it is left alone.
	f.set.Update([]string{iso})
	if len(f.set.current.Load().checking) > 0 {
		t.Error("it is checked again at once")
	}
	damage(t, iso, append([]byte{^blob[0]}, blob[1:]...))
	f.settle(iso)
	if w := f.get(manifestPath); w.Code != http.StatusOK {
		t.Errorf("mended: status %d, %+v", w.Code, f.set.Problems())
	}
}

// An archive that changes or goes while it is checked is let go of.
func TestCheckedAbandoned(t *testing.T) {
	one, two := archivetest.New(t).ISO(t), archivetest.New(t).WithVersion("2.0.0").ISO(t)
	f, _ := checking(t)
	f.set.checks.mu.Lock()
	f.set.Update([]string{one})
	first := f.set.entries[one].checking
	write(t, one, read(t, two))
	f.set.Update([]string{one})
	second := f.set.entries[one].checking
	if second == first || second == nil || second.archive.id != "example-solution-2.0.0" {
		t.Fatalf("%+v, then %+v", first, second)
	}
	f.set.Update(nil)
	f.set.checks.mu.Unlock()
	for _, k := range []*check{first, second} {
		<-k.done
		if k.err == nil {
			t.Error("an abandoned check goes on to its end")
		}
	}
	f.set.Close()
	for _, k := range []*check{first, second} {
		if n := k.archive.holders.Load(); n != 0 {
			t.Errorf("%d hold an archive that is not served", n)
		}
	}
}

// What is served goes on while the file that replaces it is checked.
func TestCheckedReplacement(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	f, folder := checking(t)
	note(t, folder, iso)
	f.set.Update([]string{iso})
	other := archivetest.New(t).WithImage("more", "1").ISO(t)
	if err := os.Rename(other, iso); err != nil {
		t.Fatal(err)
	}
	f.set.checks.mu.Lock()
	f.set.Update([]string{iso})
	if w := f.get(manifestPath); w.Code != http.StatusOK {
		t.Errorf("while the new one is checked: status %d", w.Code)
	}
	f.set.checks.mu.Unlock()
	f.settle(iso)
	if w := f.get("/v2/" + id + "/more/manifests/1"); w.Code != http.StatusOK {
		t.Errorf("after the check: status %d", w.Code)
	}
}
