// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net"
	"sync/atomic"
	"time"
)

// frontConnection is a connection that a front has.
type frontConnection struct {
	*net.TCPConn
	front *front
	// idle says that it was answered, and waits for another request.
	idle atomic.Bool
}

// serve answers requests for as long as they are plain.
func (c *frontConnection) serve() {
	handed := false
	defer func() {
		if reason := recover(); reason != nil {
			c.front.panicked(c.RemoteAddr(), reason)
		}
		c.front.forget(c)
		if !handed {
			_ = c.Close() // who is at the other end has all, or is gone
			c.front.connections.release()
		}
	}()
	if rest := c.answerAll(); rest != nil {
		// An error means that the connection has ended, as the server will find.
		_ = c.SetDeadline(time.Time{})
		handed = c.front.hand(accepted{connection: &resumed{c.TCPConn, rest}})
	}
}

// answerAll returns what was read and not answered; nil where the connection is
// to end.
func (c *frontConnection) answerAll() []byte {
	buf := make([]byte, 0, maxPlainBytes)
	for wait := c.front.limits.header; c.waitsFor(wait); wait = c.front.limits.idle {
		n, err := c.Read(buf[:cap(buf)])
		c.idle.Store(false)
		if err != nil {
			return nil
		}
		// Clients may send more than one request at once.
		for buf = buf[:n]; len(buf) > 0; {
			r, size, ok := parsePlain(buf)
			if !ok || c.front.draining.Load() {
				return buf
			}
			answered, err := c.front.answer(c, r)
			switch {
			case !answered:
				return buf
			case err != nil:
				return nil
			}
			buf = buf[:copy(buf, buf[size:])]
		}
		c.idle.Store(true)
	}
	return nil
}

// waitsFor sets how long the next request may take. It reports false where none
// is to be waited for: whoever has the front drain finds that the connection is
// idle, or is found out here.
func (c *frontConnection) waitsFor(timeout time.Duration) bool {
	err := c.SetReadDeadline(time.Now().Add(timeout))
	return err == nil && !(c.idle.Load() && c.front.draining.Load())
}

// resumed is a connection of which something was read already. It is one of TCP
// in all else, so that the server finds what it looks for.
type resumed struct {
	*net.TCPConn
	rest []byte
}

// Read reads what was read already, and then on.
func (r *resumed) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return r.TCPConn.Read(p)
	}
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		r.rest = nil
	}
	return n, nil
}
