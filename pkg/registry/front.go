// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// front is a listener before net/http's server. It answers plain requests for
// manifests by itself, which takes half the time, and leaves a connection to
// the server as soon as there is anything else on it, with all that was read of
// that.
type front struct {
	net.Listener
	connections *connections
	limits      limits
	answer      plainAnswer
	log         *slog.Logger

	accepted chan accepted // what Accept returns
	ended    chan struct{} // closed once there is nothing more to accept
	end      sync.Once
	draining atomic.Bool
	mu       sync.Mutex
	open     map[*frontConnection]struct{}
}

// accepted is what a listener's Accept returns.
type accepted struct {
	connection net.Conn
	err        error
}

// newFront takes connections from a listener that is bounded by connections.
func newFront(l net.Listener, c *connections, limits limits, answer plainAnswer, log *slog.Logger) *front {
	f := &front{
		Listener: l, connections: c, limits: limits, answer: answer, log: log,
		accepted: make(chan accepted), ended: make(chan struct{}), open: map[*frontConnection]struct{}{},
	}
	go f.accept()
	return f
}

func (f *front) accept() {
	for {
		connection, err := f.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		tcp, ok := connection.(*net.TCPConn)
		if !ok {
			// Of an error the server is told, which waits before it accepts again.
			if !f.hand(accepted{connection, err}) && err == nil {
				_ = connection.Close()
				f.connections.release()
			}
			continue
		}
		f.connections.open.Add(1)
		c := &frontConnection{TCPConn: tcp, front: f}
		f.mu.Lock()
		f.open[c] = struct{}{}
		f.mu.Unlock()
		go c.serve()
	}
}

// hand leaves something to the server. It reports false where the server has
// ended.
func (f *front) hand(a accepted) bool {
	select {
	case f.accepted <- a:
		return true
	case <-f.ended:
		return false
	}
}

// Accept returns the next connection for the server.
func (f *front) Accept() (net.Conn, error) {
	select {
	case a := <-f.accepted:
		return a.connection, a.err
	case <-f.ended:
		return nil, net.ErrClosed
	}
}

// Close takes no more connections and ends those that are idle. Others can still
// be left to the server, until finish.
func (f *front) Close() error {
	err := f.Listener.Close()
	f.draining.Store(true)
	f.each(func(c *frontConnection) {
		if c.idle.Load() {
			// An error means that it has ended.
			_ = c.SetReadDeadline(time.Now())
		}
	})
	return err
}

// finish ends the connections that there are, and Accept.
func (f *front) finish() {
	f.end.Do(func() { close(f.ended) })
	f.each(func(c *frontConnection) { _ = c.Close() })
}

func (f *front) each(do func(*frontConnection)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		do(c)
	}
}

// panicked tells of a panic, which is the end of one connection only.
func (f *front) panicked(client net.Addr, reason any) {
	f.log.Error("panic", "client", client.String(), "reason", reason, "stack", string(debug.Stack()))
}

// forget takes a connection out of those that are open.
func (f *front) forget(c *frontConnection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, c)
	f.connections.open.Add(-1)
}
