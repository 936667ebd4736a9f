// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// HelloTimeout is how long a helper has to be reached and begin.
const HelloTimeout = 60 * time.Second

// patience is how many of the times that a helper promises to be heard within
// may pass.
const patience = 6

// watchTick is how often is looked whether something was heard.
const watchTick = 100 * time.Millisecond

// errSilent says that nothing was heard for too long.
var errSilent = errors.New("the helper is silent")

// silenceTimer ends a run in which nothing is heard for too long. It counts ticks, so
// that the time in which this process itself was stopped does not count.
type silenceTimer struct {
	mu      sync.Mutex
	limit   time.Duration // 0 for none
	silence time.Duration
	paused  bool
}

func newSilenceTimer(limit time.Duration) *silenceTimer { return &silenceTimer{limit: limit} }

// run looks until ctx ends.
func (w *silenceTimer) run(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(watchTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if limit, over := w.tick(); over {
				cancel(fmt.Errorf("%w: nothing was heard of it for %v", errSilent, limit))
			}
		}
	}
}

func (w *silenceTimer) tick() (limit time.Duration, over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused || w.limit == 0 {
		return 0, false
	}
	w.silence += watchTick
	return w.limit, w.silence > w.limit
}

// pause says that something is heard, and being dealt with.
func (w *silenceTimer) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = true
}

// heard says that what was heard has been dealt with.
func (w *silenceTimer) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused, w.silence = false, 0
}

// expect sets the limit by what the helper has promised, 0 for nothing.
func (w *silenceTimer) expect(every time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = patience * every
}
