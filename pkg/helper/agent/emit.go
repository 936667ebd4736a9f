// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// emit writes an event. That it cannot is how an agent learns that its client
// is gone: its work is then ended.
func (a *Agent) emit(e protocol.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = time.Now()
	if _, err = a.out.Write(append(line, '\n')); err != nil {
		err = fmt.Errorf("%w: %w", ErrGone, err)
		a.gone(err)
	}
	return err
}

func (a *Agent) hello() error {
	return a.emit(protocol.Event{Hello: &protocol.Hello{Version: a.Version, Protocol: protocol.Version, AliveEvery: a.aliveEvery().Seconds()}})
}

// progress returns a function that reports how far step is. An event that
// cannot be written is not an error of the step: it ends the work.
func (a *Agent) progress(step string) func(done, total int64) {
	return func(done, total int64) {
		_ = a.emit(protocol.Event{Progress: &protocol.Progress{Step: step, Done: done, Total: total}})
	}
}

func (a *Agent) aliveEvery() time.Duration { return cmp.Or(a.AliveEvery, AliveEvery) }

// keepAlive emits an event where there was none for a time, until it is
// stopped.
func (a *Agent) keepAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ticker := time.NewTicker(a.aliveEvery() / 2)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if a.isSilent() {
					_ = a.emit(protocol.Event{Alive: &protocol.Alive{}})
				}
			}
		}
	})
	return func() {
		ticker.Stop()
		cancel()
		running.Wait()
	}
}

// watchStdin ends the work when the input does.
func (a *Agent) watchStdin(in io.Reader) {
	_, err := io.Copy(io.Discard, in)
	a.gone(fmt.Errorf("%w: its end of the input is closed (%w)", ErrGone, cmp.Or(err, io.EOF)))
}

// isSilent says that it is time for an event: the next occasion to look would
// be too late.
func (a *Agent) isSilent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.said) >= a.aliveEvery()/2
}

// checkClient returns an error where the client is gone, or the work is to end
// for another reason. After it, a change is made.
func (a *Agent) checkClient(ctx context.Context) error {
	if err := a.emit(protocol.Event{Alive: &protocol.Alive{}}); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
