// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// ServeArgument has the program of HelperName serve one mount.
	ServeArgument = "--serve"
	// startTimeout bounds how long the mount may take.
	startTimeout = 30 * time.Second
	// readyFile is the descriptor on which the process tells how it went, and
	// lockFile that of a lock, if it has one.
	readyFile = 3
	lockFile  = 4
	ready     = "mounted\n"
)

// Serving is what a process is to serve, as JSON on its standard input: nothing
// of it is on a command line.
type Serving struct {
	Archive string `json:"archive"`
	Dir     string `json:"dir"`
	// Locked tells that the process has a lock, until it has mounted.
	Locked bool `json:"locked,omitempty"`
}

// StartServing starts a process that mounts an archive by FUSE, and returns
// when it is mounted, or with why it is not. The process is this program, as
// HelperName with ServeArgument; it goes on, in a session of its own, until
// the mount is gone. What it logs goes where this one's standard error goes if
// that is the journal, and else nowhere. A lock, which may be nil, stays until
// it is mounted or failed to be, whatever becomes of this process.
func StartServing(ctx context.Context, s Serving, lock *os.File) (err error) {
	s.Locked = lock != nil
	request, err := json.Marshal(s)
	if err != nil {
		return err
	}
	result, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, result.Close()) }()
	// The process outlives ctx, and is ended here only if it does not mount.
	cmd := exec.Command("/proc/self/exe", ServeArgument) //nolint:noctx // see above
	cmd.Args[0] = HelperName
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(request)
	if cmd.ExtraFiles = []*os.File{end}; lock != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, lock)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if isJournal(os.Stderr) {
		cmd.Stderr = os.Stderr
	}
	err = cmd.Start()
	closeErr := end.Close()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("starting the process that serves %s: %w", s.Dir, err)
	}
	return waitReady(ctx, cmd, result)
}

// waitReady waits until the process says that it has mounted, or ends.
func waitReady(ctx context.Context, cmd *exec.Cmd, result *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended
	defer stop()
	said, err := io.ReadAll(io.LimitReader(result, 64<<10))
	if err == nil && string(said) == ready {
		return cmd.Process.Release()
	}
	waitErr := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(said) > 0:
		return errors.New(strings.TrimSpace(string(said)))
	}
	return fmt.Errorf("the process that serves the mount has ended: %w", errors.Join(err, waitErr))
}

// ReadServing reads, in the process that StartServing has started, what is to
// be served, and returns what reports how that went: nil when it is mounted.
func ReadServing(in io.Reader) (Serving, func(error) error, error) {
	var s Serving
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return s, nil, fmt.Errorf("reading what is to be served: %w", err)
	}
	files := []*os.File{os.NewFile(readyFile, "ready")}
	if s.Locked {
		files = append(files, os.NewFile(lockFile, "lock"))
	}
	return s, func(err error) error {
		text := ready
		if err != nil {
			text = err.Error() + "\n"
		}
		_, err = files[0].WriteString(text)
		for _, file := range files {
			err = errors.Join(err, file.Close())
		}
		return err
	}, nil
}

// isJournal tells whether a file leads to systemd's journal (systemd.exec(5),
// JOURNAL_STREAM).
func isJournal(file *os.File) bool {
	var s unix.Stat_t
	if unix.Fstat(int(file.Fd()), &s) != nil {
		return false
	}
	return os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}
