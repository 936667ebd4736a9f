// SPDX-License-Identifier: Apache-2.0

package verified

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// stateAt opens a file and asks about it.
func stateAt(t *testing.T, path string) State {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	state, err := StateOf(file)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.iso")
	write(t, path, "one")
	folder := Folder{Path: filepath.Join(t.TempDir(), "not", "there")}
	state := stateAt(t, path)
	if folder.Has(path, state) {
		t.Error("known before it is noted")
	}
	for range 2 {
		if err := folder.Note(path, state); err != nil {
			t.Fatal(err)
		}
		if !folder.Has(path, stateAt(t, path)) {
			t.Error("not known after it was noted")
		}
	}
	if folder.Has(path+"2", state) {
		t.Error("the state counts for another path")
	}
}

// A write is told by the time of change, even where the size and the time of
// modification are put back.
func TestStateAfterWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.iso")
	write(t, path, "one")
	before := stateAt(t, path)
	modified := time.Unix(0, before.Modified)
	// The system's clock for files goes in steps of some milliseconds.
	for deadline := time.Now().Add(10 * time.Second); ; {
		write(t, path, "two")
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
		after := stateAt(t, path)
		if after.Size != before.Size || after.Modified != before.Modified {
			t.Fatalf("%+v, %+v", before, after)
		}
		if after != before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a write cannot be told")
		}
	}
}

func TestKeep(t *testing.T) {
	folder := Folder{Path: filepath.Join(t.TempDir(), "verified")}
	if err := folder.Keep(nil); err != nil {
		t.Errorf("without a folder: %v", err)
	}
	state := State{Inode: 1, Size: 2, Modified: 3, Changed: 4}
	for _, path := range []string{"/a.iso", "/b.iso"} {
		if err := folder.Note(path, state); err != nil {
			t.Fatal(err)
		}
	}
	// What a note that was not finished leaves goes too.
	write(t, filepath.Join(folder.Path, ".note1"), "{")
	if err := folder.Keep([]string{"/b.iso", "/c.iso"}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder.Path)
	if err != nil || len(entries) != 1 || folder.Has("/a.iso", state) || !folder.Has("/b.iso", state) {
		t.Errorf("%v, %v", entries, err)
	}
	// A note that cannot be read is none.
	write(t, filepath.Join(folder.Path, entries[0].Name()), `{"archive": "/b.iso", "st`)
	if folder.Has("/b.iso", state) {
		t.Error("half a note counts")
	}
}

func TestNoteFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	folder := Folder{Path: filepath.Join(file, "verified")}
	if err := folder.Note("/a.iso", State{}); err == nil {
		t.Error("no error below a file")
	}
	if folder.Has("/a.iso", State{}) {
		t.Error("it is known all the same")
	}
}

func TestSameContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.iso")
	write(t, path, "one")
	before := stateAt(t, path)
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	moved := before
	moved.Changed++
	if !before.SameContent(moved) || !before.SameContent(stateAt(t, path+".moved")) {
		t.Error("a file that was moved has another content")
	}
	for _, other := range []State{{Inode: before.Inode + 1, Size: before.Size, Modified: before.Modified}, {Inode: before.Inode, Size: 4, Modified: before.Modified}, {Inode: before.Inode, Size: before.Size}} {
		if before.SameContent(other) {
			t.Errorf("%+v has the content of %+v", other, before)
		}
	}
}
