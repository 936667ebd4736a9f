// SPDX-License-Identifier: Apache-2.0

//go:build linux

package isofuse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// image is the archive that is mounted.
type image struct {
	archive *archive.Archive
	tree    *iso9660.FS
	state   verified.State // of the file, when it was opened
	// attribute is the state as mount.StateAttribute has it.
	attribute []byte

	log     *slog.Logger
	failure sync.Once // one line in the log, not one for each read
}

func openImage(path string, log *slog.Logger) (*image, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	im := &image{archive: a, log: log}
	if err := im.inspect(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), a.Close())
	}
	return im, nil
}

func (im *image) inspect() (err error) {
	isISO := false
	if im.tree, isISO = im.archive.FS().(*iso9660.FS); !isISO {
		return errors.New("it is no ISO 9660 image")
	}
	if im.state, err = verified.StateOf(im.archive.File()); err != nil {
		return err
	}
	im.attribute, err = json.Marshal(im.state)
	return err
}

// read fills buf from off of a file on, to its end at most.
func (im *image) read(e iso9660.Entry, buf []byte, off int64) (int, error) {
	n, err := e.ReadAt(buf, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		return 0, err
	}
	// After the bytes, so that they are those of the state that is known.
	now, err := verified.StateOf(im.archive.File())
	if err == nil && !now.SameContent(im.state) {
		err = errors.New("it was written to after it was mounted")
	}
	return n, err
}

// Open has the kernel keep what it reads. As in its own iso9660, nobody reads
// past what it keeps: how much is read at once would be theirs to say then.
func (t *tree) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if in.Flags&unix.O_DIRECT != 0 {
		return fuse.EINVAL
	}
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

// Read reads a part of a file.
func (t *tree) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	e, status := t.entry(in.NodeId)
	if status != fuse.OK {
		return nil, status
	}
	n, err := t.image.read(e, buf, int64(in.Offset))
	if err != nil {
		t.image.failure.Do(func() { t.image.log.Error("reading the archive", "archive", t.image.archive.Path(), "error", err) })
		return nil, fuse.EIO
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}
