// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// MaxFileBytes bounds the files that are read into memory: manifests, roles
// and CRDs. Blobs are only ever streamed.
const MaxFileBytes = 4 << 20

// Archive is an opened archive. It may be used by several goroutines.
type Archive struct {
	path string
	fsys fs.FS
	size int64
	file *os.File // nil for an archive made by New
}

// Open opens the ISO image at path, read-only, and reads its directories. Its
// errors name path once and tell a missing file, one that is no regular file,
// and an image that cannot be read from each other.
func Open(path string) (*Archive, error) {
	// Without O_NONBLOCK, opening a FIFO waits for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, cause(err))
	}
	a, err := OpenFile(path, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return a, nil
}

// OpenFile is Open for a file that is open already; path is its name in errors.
// The archive's Close closes it, and nothing else does: those who want the file,
// and no longer the directories in memory, keep the one and drop the other.
func OpenFile(path string, file *os.File) (*Archive, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("opening %s: %w", path, cause(err))
	case info.IsDir():
		return nil, fmt.Errorf("opening %s: it is a directory, and an archive is an ISO 9660 file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("opening %s: it is no regular file, and an archive is an ISO 9660 file", path)
	}
	fsys, err := iso9660.Open(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return &Archive{path: path, fsys: fsys, size: info.Size(), file: file}, nil
}

// New returns the archive that fsys is or is to become, such as a directory to
// be packed; name stands for it in reports and errors. Symbolic links are
// followed as fsys follows them: for a directory, os.Root keeps them inside,
// and os.DirFS does not.
func New(name string, fsys fs.FS) *Archive { return &Archive{path: name, fsys: fsys} }

// Close closes the file that Open opened.
func (a *Archive) Close() error {
	if a.file == nil {
		return nil
	}
	if err := a.file.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", a.path, cause(err))
	}
	return nil
}

// Path is the path given to Open, or the name given to New.
func (a *Archive) Path() string { return a.path }

// FS is the archive's tree. That of Open's archive is usable until Close.
func (a *Archive) FS() fs.FS { return a.fsys }

// Size is that of the ISO image in bytes, 0 for an archive made by New.
func (a *Archive) Size() int64 { return a.size }

// File is the file that Open opened, for those who ask the system about it; it
// is not theirs to close. It is nil for an archive made by New.
func (a *Archive) File() *os.File { return a.file }

// ReadFile returns the content of a file of at most MaxFileBytes. The path is
// one in the archive, as fs.ValidPath wants it.
func (a *Archive) ReadFile(path string) ([]byte, error) {
	data, err := readFile(a.fsys, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s in %s: %w", path, a.path, err)
	}
	return data, nil
}

// readFile is ReadFile with errors that do not name the file.
func readFile(fsys fs.FS, path string) (data []byte, err error) {
	if !fs.ValidPath(path) {
		return nil, fs.ErrInvalid
	}
	// Stat comes first, since to open a FIFO in a directory is to wait.
	info, err := fs.Stat(fsys, path)
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	case info.Size() > MaxFileBytes:
		return nil, fmt.Errorf("%d bytes long, and at most %d are read", info.Size(), MaxFileBytes)
	}
	file, err := fsys.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { err = errors.Join(err, cause(file.Close())) }()
	// A file of a directory can have grown after Stat.
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead)
	_, err = buf.ReadFrom(io.LimitReader(file, MaxFileBytes))
	return buf.Bytes(), cause(err)
}

var errNotRegular = errors.New("no regular file")

// cause strips the operations and paths that the os and fs packages put before
// an error, where the caller's message names them already.
func cause(err error) error {
	var pathError *fs.PathError
	for errors.As(err, &pathError) {
		err = pathError.Err
	}
	return err
}
