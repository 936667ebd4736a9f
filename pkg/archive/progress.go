// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"sync"
	"time"
)

// progressInterval keeps reports down to what a person can see.
const progressInterval = 50 * time.Millisecond

// progress adds up what several goroutines did.
type progress struct {
	report func(done, total int64)
	total  int64

	mu   sync.Mutex
	done int64
	last time.Time
}

// newProgress accepts a nil report.
func newProgress(report func(done, total int64), jobs []hashJob) *progress {
	p := &progress{report: report, last: time.Now()}
	for _, job := range jobs {
		p.total += job.size
	}
	return p
}

// add counts n bytes, and reports now and then.
func (p *progress) add(n int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// A file of a directory can grow while it is read.
	p.done = min(p.done+n, p.total)
	if now := time.Now(); now.Sub(p.last) >= progressInterval && p.done < p.total {
		p.last = now
		p.report(p.done, p.total)
	}
}

// finish reports the end, whether or not every byte could be read.
func (p *progress) finish() {
	if p.report != nil {
		p.report(p.total, p.total)
	}
}
