// SPDX-License-Identifier: Apache-2.0

// Package verified keeps which archives have passed a full check of their
// digests, and in what state their files were then. The helper's agent notes
// it at import; the registry serves an archive only in a state that was
// checked, and does the check itself where it finds no note.
package verified

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is where the notes are: one small file for each archive, so that
// those who write need no lock. It need not exist. A lost note costs a check.
type Folder struct{ Path string }

// note is the content of a file of the folder.
type note struct {
	Archive string `json:"archive"`
	State   State  `json:"state"`
}

// Note keeps that the archive at path, an absolute and clean path, was checked
// in this state and found whole. The folder is made where it is missing.
func (f Folder) Note(path string, state State) error {
	data, err := json.Marshal(note{Archive: path, State: state})
	if err == nil {
		err = f.write(f.file(path), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("noting that %s was checked: %w", path, err)
	}
	return nil
}

// Has tells whether the archive at path was found whole in this state. A note
// that cannot be read is none.
func (f Folder) Has(path string, state State) bool {
	data, err := os.ReadFile(f.file(path))
	if err != nil {
		return false
	}
	var n note
	return json.Unmarshal(data, &n) == nil && n.Archive == path && n.State == state
}

// Keep forgets all archives but those at these paths.
func (f Folder) Keep(paths []string) error {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for notes of archives: %w", err)
	}
	keep := map[string]bool{}
	for _, path := range paths {
		keep[filepath.Base(f.file(path))] = true
	}
	for _, entry := range entries {
		if keep[entry.Name()] || !entry.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(f.Path, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forgetting an archive: %w", err)
		}
	}
	return nil
}

// file is named by a digest, since a path can be longer than a name.
func (f Folder) file(path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(f.Path, hex.EncodeToString(sum[:])+".json")
}

// write replaces a file. It is not made to last a loss of power: a note that is
// cut or gone is none.
func (f Folder) write(path string, data []byte) error {
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(f.Path, ".note")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
