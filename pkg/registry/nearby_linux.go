// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// fitBuffer bounds the send buffer of a connection, to nearbyBytes, where its
// handshake took less time than within. Others are as the kernel has them.
func fitBuffer(connection net.Conn, within time.Duration) {
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it has ended
	}
	_ = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil && info.Rtt > 0 && time.Duration(info.Rtt)*time.Microsecond < within {
			// An error leaves the buffer to the kernel.
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, nearbyBytes)
		}
	})
}
