// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// answerTimeout is how long a file system may take to say what it is: its
// process may be stopped.
const answerTimeout = 5 * time.Second

var errNoAnswer = errors.New("it does not answer")

// identify finds out what the mounts of all places are, at the same time. Known
// are the paths of archives.
func identify(places []place, known []string, kernelType string) {
	var group sync.WaitGroup
	for i := range places {
		for j := range places[i].layers {
			l := &places[i].layers[j]
			isTop := j == len(places[i].layers)-1
			_, hasUnit := unitArchive(places[i].unit)
			switch l.Type {
			case FUSEType:
				group.Go(func() { l.identifyFUSE(known, isTop) })
			case kernelType:
				group.Go(func() { l.identifyKernel(known, hasUnit) })
			}
		}
	}
	group.Wait()
}

func (l *layer) identifyFUSE(known []string, isTop bool) {
	l.kind, l.ours, l.archive = FUSE, true, match(l.Source, known)
	if !isTop {
		return // what is below cannot be asked
	}
	mounted, err := mountedState(l.Dir)
	if err != nil {
		l.hung = errors.Is(err, errNoAnswer)
		return
	}
	now, err := currentState(l.archive)
	l.sound = err == nil && mounted.SameContent(now)
}

// identifyKernel knows an archive by the file behind the loop device.
func (l *layer) identifyKernel(known []string, hasUnit bool) {
	file, err := os.ReadFile("/sys/dev/block/" + l.Device + "/loop/backing_file")
	if err != nil {
		return
	}
	l.kind = Kernel
	// A file that was replaced ends in " (deleted)" here, and so matches none.
	l.archive = match(strings.TrimSuffix(string(file), "\n"), known)
	_, err = currentState(l.archive)
	l.sound = err == nil
	l.ours = hasUnit || hasLoopMark(l.Source)
}

// match returns which of the known paths is that of a file, which the kernel
// may tell without symbolic links; path itself where it is none of them.
func match(path string, known []string) string {
	for _, candidate := range known {
		if filepath.Clean(candidate) == path {
			return candidate
		}
	}
	for _, candidate := range known {
		if real, err := filepath.EvalSymlinks(candidate); err == nil && real == path {
			return candidate
		}
	}
	return path
}

// mountedState asks a FUSE mount which state of the archive it has. A mount
// whose process is gone answers with ENOTCONN.
func mountedState(dir string) (verified.State, error) {
	type answer struct {
		state verified.State
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		buf := make([]byte, 4096)
		n, err := unix.Lgetxattr(dir, StateAttribute, buf)
		if a.err = err; err == nil {
			a.err = json.Unmarshal(buf[:n], &a.state)
		}
		answers <- a
	}()
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.state, a.err
	case <-timer.C:
		return verified.State{}, errNoAnswer
	}
}

func currentState(path string) (verified.State, error) {
	// Without O_NONBLOCK, opening a FIFO waits for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return verified.State{}, err
	}
	state, err := verified.StateOf(file)
	return state, errors.Join(err, file.Close())
}
