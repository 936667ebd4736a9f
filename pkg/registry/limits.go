// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"strings"
	"time"
)

// limits bound what clients may take of the server. There is none for a whole
// answer: a large layer over a slow link takes its time.
type limits struct {
	// header is how long a client may take for the headers of a request, and
	// for the handshake of TLS.
	header time.Duration
	// idle is how long a connection may wait for its next request.
	idle time.Duration
	// body is how long is waited for a body, which no request here has.
	body time.Duration
	// stall is how long a client may take until there is room in the system's
	// buffer for one more piece of an answer. That buffer grows to some MiB, for
	// clients that are not nearby, and tells of room when a third of it is free: a
	// client that takes less than 32 KiB/s may be cut off.
	stall time.Duration
	// drain is how long pulls under way may go on after the end.
	drain time.Duration
	// connections is how many there may be at a time. Others wait until one
	// ends, in the queue that the system has for them. It is what bounds
	// memory: a connection that does nothing costs 20 KiB, with TLS 27.
	connections int
}

var defaultLimits = limits{
	header:      10 * time.Second,
	idle:        2 * time.Minute,
	body:        5 * time.Second,
	stall:       time.Minute,
	drain:       30 * time.Second,
	connections: 4096,
}

const (
	maxHeaderBytes = 16 << 10
	// maxRanges is how many parts of a blob one request may ask for. Clients
	// that pull ask for one; each of many costs more than it is worth (RFC 9110,
	// section 14.2, says to refuse or ignore them).
	maxRanges = 16
)

// tooManyRanges tells whether a request asks for more than maxRanges parts.
func tooManyRanges(r *http.Request) bool {
	return strings.Count(r.Header.Get("Range"), ",") >= maxRanges
}
