// SPDX-License-Identifier: Apache-2.0

//go:build linux

package isofuse

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

const (
	// maxRead bounds what the kernel asks for at once, in bytes. More is not
	// faster, and every read under way takes so much memory.
	maxRead = 256 << 10
	// maxBackground bounds how many reads ahead are under way.
	maxBackground = 12
	// readAhead is how far the kernel reads ahead, in KiB; its default is 128.
	readAhead = 1024
)

// Server serves one mount.
type Server struct {
	image *image
	fuse  *fuse.Server
	done  chan struct{}
}

// Mount mounts the archive at path at dir, an absolute path of a directory, and
// serves it: read-only, without devices and set-user-ID programs, readable by
// all users. It takes CAP_SYS_ADMIN. What goes wrong later is logged.
func Mount(path, dir string, logger *slog.Logger) (*Server, error) {
	im, err := openImage(path, logger)
	if err != nil {
		return nil, err
	}
	options := &fuse.MountOptions{
		// As mountinfo shows it: this is how others know what is mounted.
		FsName: path, Name: strings.TrimPrefix(mount.FUSEType, "fuse."),
		DirectMountStrict: true,
		DirectMountFlags:  unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV,
		AllowOther:        true,
		Options:           []string{"default_permissions"},
		MaxWrite:          maxRead,
		MaxBackground:     maxBackground,
		// Nothing changes, so the kernel need not look whether it did.
		ExplicitDataCacheControl: true, EnableSymlinkCaching: true,
		// What is spliced cannot be looked at, and a file that was cut would
		// look as if it ended there.
		DisableSplice: true,
		Logger:        log.New(logWriter{logger}, "", 0),
	}
	server, err := newServer(im, dir, options)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mounting %s at %s: %w", path, dir, err), im.archive.Close())
	}
	s := &Server{image: im, fuse: server, done: make(chan struct{})}
	go s.serve()
	// From here on requests are answered, and so it is mounted: that this could
	// not be tried does not undo it.
	_ = server.WaitMount()
	setReadAhead(dir)
	return s, nil
}

// newServer mounts. The kernel would take a file for dir too.
func newServer(im *image, dir string, options *fuse.MountOptions) (*fuse.Server, error) {
	var s unix.Stat_t
	switch err := unix.Stat(dir, &s); {
	case err != nil:
		return nil, err
	case s.Mode&unix.S_IFMT != unix.S_IFDIR:
		return nil, unix.ENOTDIR
	}
	return fuse.NewServer(&tree{fuse.NewDefaultRawFileSystem(), im}, dir, options)
}

func (s *Server) serve() {
	defer close(s.done)
	s.fuse.Serve()
	if err := s.image.archive.Close(); err != nil {
		s.image.log.Error("closing the archive", "error", err)
	}
}

// Done is closed when the mount is gone: it was unmounted, and the last of
// those who used it has let go.
func (s *Server) Done() <-chan struct{} { return s.done }

// setReadAhead is about speed only, so it may fail.
func setReadAhead(dir string) {
	at, found, err := mount.At(dir)
	if err != nil || !found {
		return
	}
	_ = os.WriteFile("/sys/class/bdi/"+at.Device+"/read_ahead_kb", fmt.Appendf(nil, "%d", readAhead), 0)
}

// logWriter logs what the FUSE library has to say.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	w.log.Warn(strings.TrimSpace(string(line)))
	return len(line), nil
}
