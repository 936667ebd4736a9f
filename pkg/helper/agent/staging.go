// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// staging is an archive that is being uploaded: a hidden file beside the one
// that it is to become. It stays when an upload is cut off, so that the next
// one goes on from there. Whoever uploads has it locked.
type staging struct {
	target string // path of the archive
	file   *os.File
	size   int64 // of the archive, in bytes
	// written is how much of file counts, and digest that of it.
	written int64
	digest  hash.Hash
}

// uploadMode is that of an archive: anyone may read it.
const uploadMode = 0o644

func stagingPath(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".part")
}

// openStaging opens and locks the hidden file of target, in a folder that is
// made where it is missing.
func openStaging(target string, size int64) (*staging, error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, err
	}
	path := stagingPath(target)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	s := &staging{target: target, file: file, size: size, digest: sha256.New()}
	if err := s.lock(path); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

// lock makes sure that this process alone has the file, and that it is still
// the one at path: the upload before may just have ended.
func (s *staging) lock(path string) error {
	connection, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	if err := connection.Control(func(fd uintptr) { lockErr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return err
	}
	opened, err := s.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if errors.Is(lockErr, unix.EWOULDBLOCK) || err != nil || !os.SameFile(opened, there) {
		return withReason(protocol.ReasonLocked, hint.With(fmt.Errorf("%s is being uploaded by someone else", s.target),
			"run the command again when that has ended"))
	}
	if !opened.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	return lockErr
}

// resume reads what is there already, at most the size of the archive.
func (s *staging) resume(ctx context.Context, progress func(done, total int64)) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	switch {
	case info.Size() > s.size:
		return s.restart()
	case info.Size() == 0:
		return nil
	}
	s.written, err = protocol.HashFile(ctx, s.digest, s.file, info.Size(), progress)
	return err
}

// restart forgets what is there.
func (s *staging) restart() error {
	s.digest.Reset()
	s.written = 0
	_, err := s.file.Seek(0, io.SeekStart)
	return errors.Join(err, s.file.Truncate(0))
}

// Write appends to the file.
func (s *staging) Write(p []byte) (int, error) {
	n, err := s.file.WriteAt(p, s.written)
	s.written += int64(n)
	s.digest.Write(p[:n])
	return n, err
}

func (s *staging) sum() string { return protocol.Digest(s.digest) }

// commit makes the file the archive, for good.
func (s *staging) commit() error {
	if err := errors.Join(s.file.Chmod(uploadMode), s.file.Sync()); err != nil {
		return err
	}
	if err := unoccupied(s.target); err != nil {
		return err
	}
	if err := os.Rename(s.file.Name(), s.target); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(s.target))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// unoccupied refuses to replace what is at a path.
func unoccupied(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = occupied(path)
	}
	return err
}

func occupied(path string) error {
	return withReason(protocol.ReasonConflict, hint.With(fmt.Errorf("there is another file at %s on the bootstrap node", path),
		"give the archive another name, or remove that file from the node"))
}

// checkSpace refuses what a folder has no room for.
func checkSpace(folder string, needed int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return fmt.Errorf("asking how much room there is in %s: %w", folder, err)
	}
	//nolint:unconvert // the types differ between platforms
	free := int64(s.Bavail) * int64(s.Bsize)
	if free >= needed {
		return nil
	}
	return withReason(protocol.ReasonNoSpace, hint.With(fmt.Errorf("no room in %s on the bootstrap node: %d bytes are needed, and %d are free", folder, needed, free),
		"make room there, or have archives.upload in the helper's configuration name another folder"))
}
