// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// listen opens listeners on all addresses, or none. Field names the
// configuration's field that has them.
func listen(ctx context.Context, field string, addresses []string) ([]net.Listener, error) {
	var list []net.Listener
	for _, address := range addresses {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, hint.With(errors.Join(fmt.Errorf("listening on %s: %w", address, err), closeAll(list)),
				"%s in the helper's configuration says where to listen", field)
		}
		list = append(list, l)
	}
	return list, nil
}

func closeAll(list []net.Listener) (err error) {
	for _, l := range list {
		err = errors.Join(err, l.Close())
	}
	return err
}

// connections bounds how many there are at a time, over several listeners.
type connections struct {
	log   *slog.Logger
	slots chan struct{} // holds one for each connection, and listener that waits
	open  atomic.Int64  // connections
	full  atomic.Bool   // it was told that all are taken
}

func newConnections(limit int, log *slog.Logger) *connections {
	return &connections{log: log, slots: make(chan struct{}, limit)}
}

// any tells whether there are connections, once no listener waits for one.
func (c *connections) any() bool { return len(c.slots) > 0 }

// changed is a http.Server's ConnState. Connections are not wrapped, so that the
// server finds those of TCP, which have sendfile.
func (c *connections) changed(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		c.open.Add(-1)
		c.release()
	}
}

// release gives back what Accept of a bounded listener took.
func (c *connections) release() {
	<-c.slots
	if len(c.slots) < cap(c.slots)/2 {
		c.full.Store(false)
	}
}

// bound has a listener accept only as long as the limit is not reached.
func (c *connections) bound(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, connections: c, closed: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	connections *connections
	once        sync.Once
	closed      chan struct{}
}

// Accept waits for a connection, and before for there being fewer than may be.
func (b *boundedListener) Accept() (net.Conn, error) {
	c := b.connections
	select {
	case c.slots <- struct{}{}:
	default:
		if !c.full.Swap(true) {
			c.log.Warn("no more connections are taken until others end", "limit", cap(c.slots))
		}
		select {
		case c.slots <- struct{}{}:
		case <-b.closed:
			return nil, net.ErrClosed
		}
	}
	connection, err := b.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	fitBuffer(connection, nearby)
	return connection, nil
}

// Close ends Accept.
func (b *boundedListener) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}
