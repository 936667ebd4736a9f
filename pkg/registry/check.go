// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// recheckFactor is how many times as long as a check took a file that failed
// it is left alone, as long as it stays as it is.
const recheckFactor = 10

// errChecking is what is wrong with an archive until it has been checked.
var errChecking = errors.New("it is being checked, since it is not in the state in which it was checked last")

// checks are those of archives that are to be served, one at a time: pulls
// need the disk and the processor too.
type checks struct {
	// folder has what was checked before; with nil, nothing has to be.
	folder  *verified.Folder
	mu      sync.Mutex // held by the check that reads
	running sync.WaitGroup
}

// check is that of one archive, under way or done.
type check struct {
	archive *opened
	cancel  context.CancelFunc
	done    chan struct{}
	// err and took are set when done is closed.
	err  error
	took time.Duration
}

// RequireChecked has Update serve an archive only in a state in which its
// digests were checked: at import, which folder tells, or else by the Set itself
// before it is served. It must come before the first Update.
func (s *Set) RequireChecked(folder verified.Folder) { s.checks.folder = &folder }

// passed tells whether an archive was found whole in this state.
func (c *checks) passed(path string, state verified.State) bool {
	return c.folder == nil || c.folder.Has(path, state)
}

// start begins to check o, which the check has until it is taken from there.
func (c *checks) start(o *opened) *check {
	ctx, cancel := context.WithCancel(context.Background())
	k := &check{archive: o, cancel: cancel, done: make(chan struct{})}
	o.hold()
	c.running.Go(func() {
		defer o.release()
		defer close(k.done)
		c.mu.Lock()
		defer c.mu.Unlock()
		start := time.Now()
		k.err = verify(ctx, o)
		k.took = time.Since(start)
	})
	return k
}

// verify reads every blob of an archive, which must not change meanwhile. Its
// directories are read again for it: while it waits for others, it has none in
// memory.
func verify(ctx context.Context, o *opened) error {
	a, err := archive.OpenFile(o.path, o.file)
	if err != nil {
		return err
	}
	report, err := a.Verify(ctx, archive.VerifyOptions{Workers: 1})
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := report.Err(archive.StageImport); err != nil {
		return fmt.Errorf("not served: %w", err)
	}
	return nil
}

// conclude serves what was checked, if that is done and it is whole. It returns
// the archive that is replaced by it, nil for none.
func (s *Set) conclude(path string, e *entry) *opened {
	k := e.checking
	select {
	case <-k.done:
	default:
		return nil
	}
	e.checking = nil
	k.cancel()
	if k.err == nil {
		s.log.Info("checked", "id", k.archive.id, "archive", path, "took", k.took.Round(time.Millisecond))
		return s.serve(path, e, k.archive)
	}
	s.fail(path, e, k.err)
	e.tried, e.retry = k.archive.identity, time.Now().Add(max(retryInterval, recheckFactor*k.took))
	k.archive.release()
	return nil
}

// abandon ends a check under way.
func (e *entry) abandon() {
	if e.checking == nil {
		return
	}
	e.checking.cancel()
	e.checking.archive.release()
	e.checking = nil
}

// isChecking tells whether an archive with this id is not served yet only
// because it is being checked.
func (s *Set) isChecking(id string) bool { return s.current.Load().checking[id] }
