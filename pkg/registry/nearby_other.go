// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package registry

import (
	"net"
	"time"
)

// fitBuffer leaves the send buffer to the kernel.
func fitBuffer(net.Conn, time.Duration) {}
