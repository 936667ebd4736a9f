// SPDX-License-Identifier: Apache-2.0

package solutionsconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
)

// ErrChanged says that a file is not any more what was read from it: someone
// else wrote it in the meantime.
var ErrChanged = errors.New("changed on disk since it was read")

// maxBytes bounds the size of a file that is read: thousands of archives.
const maxBytes = 4 << 20

// File is a solutions.yaml, by its path; the path may be a symbolic link to it.
type File struct{ Path string }

// Read returns the document in the file, or an empty one where there is no
// file. Its errors name the file, and the line where it is malformed.
func (f File) Read() (*Document, error) {
	data, err := readFile(f.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the SolutionsConfiguration: %w", err)
	}
	return parse(f.Path, data)
}

// readFile returns what is in a file, nil for no file.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxBytes:
		return nil, fmt.Errorf("%s has %d bytes, and at most %d are read", path, info.Size(), maxBytes)
	}
	data, err := os.ReadFile(path)
	if data == nil && err == nil {
		data = []byte{}
	}
	return data, err
}

// Write replaces the file by the document, which was read from it: wholly or,
// with an error, not at all. A document without edits is not written, nor then
// is a file created. What the document was read from must still be there, else
// the error is ErrChanged. The mode and owner of the file stay; a new one has
// mode 0644, in folders that are made with 0755. Of a symbolic link the target
// is replaced.
func (f File) Write(d *Document) error {
	text, err := d.Bytes()
	if err != nil {
		return err
	}
	if bytes.Equal(text, d.disk) {
		return nil
	}
	// It is looked at as late as can be, too: an editor does not ask for the lock.
	if err := atomicfile.Write(f.Path, text, func(target string) error { return unchanged(target, d) }); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	d.disk, d.exists = text, true
	return nil
}

// unchanged returns ErrChanged unless the file is as the document was read.
func unchanged(target string, d *Document) error {
	data, err := readFile(target)
	if err != nil {
		return err
	}
	if (data != nil) != d.exists || (d.exists && !bytes.Equal(data, d.disk)) {
		return ErrChanged
	}
	return nil
}
