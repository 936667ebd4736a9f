// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Suffix ends the names of the files with the locations of an archive; before
// it comes the archive's id.
const Suffix = "-registry-config.inc"

// ServerName is the name of the file with the server block.
const ServerName = "solution-bootstrap.conf"

const marker = "# Made by solution-bootstrap nginx from "

// Header returns the comment that a file begins with, which tells what it was
// made from.
func Header(source string) string { return marker + strconv.Quote(source) + "; changes are lost.\n" }

// source returns what a file was made from; it reports false where the file was
// not made here.
func source(data []byte) (string, bool) {
	quoted, found := strings.CutPrefix(string(data[:min(len(data), maxHeader)]), marker)
	if !found {
		return "", false
	}
	quoted, err := strconv.QuotedPrefix(quoted)
	if err != nil {
		return "", false
	}
	text, err := strconv.Unquote(quoted)
	return text, err == nil
}

// maxHeader bounds the first line: a path has 4 KiB at most, and a quoted
// character ten.
const maxHeader = 64 << 10

// Folder is one that nginx includes files of.
type Folder struct{ Path string }

// Action is what was done with a file.
type Action string

// Actions on files.
const (
	Created    Action = "created"
	Configured Action = "configured"
	Unchanged  Action = "unchanged"
	Deleted    Action = "deleted"
)

// Change is what was done with one file of a Folder.
type Change struct {
	Path   string
	Action Action
}

// Update writes files, which begin with a Header, by name, each wholly or not at
// all. A file that was not made here is left alone, and is an error before
// anything is changed. With prune, the files are deleted that were made here for
// archives that are gone: those that are neither among files, nor made from what
// is in keep.
func (f Folder) Update(files map[string]string, prune bool, keep []string) ([]Change, error) {
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if err := mayReplace(filepath.Join(f.Path, name)); err != nil {
			return nil, err
		}
	}
	var changes []Change
	for _, name := range names {
		change, err := f.write(name, []byte(files[name]))
		if err != nil {
			return changes, err
		}
		changes = append(changes, change)
	}
	if !prune {
		return changes, nil
	}
	deleted, err := f.prune(files, keep)
	return append(changes, deleted...), err
}

// mayReplace refuses to touch a file of someone else.
func mayReplace(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, ours := source(data); !ours {
		return hint.With(fmt.Errorf("%s was not made by this command", path), "move it away if nginx is to have the one made here")
	}
	return nil
}

func (f Folder) write(name string, data []byte) (Change, error) {
	change := Change{Path: filepath.Join(f.Path, name), Action: Configured}
	before, err := os.ReadFile(change.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		change.Action = Created
	case err != nil:
		return change, err
	case bytes.Equal(before, data):
		change.Action = Unchanged
		return change, nil
	}
	return change, atomicfile.Write(change.Path, data, mayReplace)
}

func (f Folder) prune(files map[string]string, keep []string) ([]Change, error) {
	entries, err := os.ReadDir(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, entry := range entries {
		path := filepath.Join(f.Path, entry.Name())
		if _, wanted := files[entry.Name()]; wanted || !strings.HasSuffix(entry.Name(), Suffix) || !entry.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return changes, err
		}
		if from, ours := source(data); !ours || slices.Contains(keep, from) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return changes, err
		}
		changes = append(changes, Change{path, Deleted})
	}
	return changes, nil
}
