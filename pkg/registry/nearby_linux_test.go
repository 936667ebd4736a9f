// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The buffer is bounded where the client is near, and only there.
func TestFitBuffer(t *testing.T) {
	list, err := listen(t.Context(), "", []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer list[0].Close()
	for within, bounded := range map[time.Duration]bool{time.Hour: true, 0: false} {
		server := acceptOne(t, list[0])
		before := sendBuffer(t, server)
		fitBuffer(server, within)
		// The kernel has room for as much again, for what it notes about the bytes.
		after := sendBuffer(t, server)
		if bounded && (after == before || after > 2*nearbyBytes) || !bounded && after != before {
			t.Errorf("within %v: %d bytes, and %d before", within, after, before)
		}
	}
}

// A listener of the server's fits the buffers of what it accepts. A handshake
// over loopback takes some 30 µs, if the machine has nothing else in its way.
func TestAcceptFitsBuffers(t *testing.T) {
	const attempts = 100
	list, err := listen(t.Context(), "", []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	l := newConnections(attempts, slog.New(slog.DiscardHandler)).bound(list[0])
	defer l.Close()
	for range attempts {
		if sendBuffer(t, acceptOne(t, l)) <= 2*nearbyBytes {
			return
		}
	}
	t.Error("no buffer is bounded")
}

// acceptOne connects to a listener, and returns the server's end.
func acceptOne(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	var d net.Dialer
	client, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

func sendBuffer(t *testing.T, connection net.Conn) (size int) {
	t.Helper()
	raw, err := connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF) }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	return size
}
