// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"sync"
	"sync/atomic"
)

// How much of a blob is read and sent at a time, in bytes. System calls cost
// less in large pieces, up to what the processor's cache holds.
const (
	minPieceBytes = 64 << 10
	pieceBytes    = minPieceBytes << (pieceSizes - 1)
	pieceSizes    = 4
	// piecesBytes is what all answers share, unless they are so many that
	// minPieceBytes for each is more.
	piecesBytes = 8 << 20
)

// pieces are the buffers of the answers under way.
type pieces struct {
	users atomic.Int64
	// pools have buffers of minPieceBytes, of twice that, and so on.
	pools [pieceSizes]sync.Pool
}

// get returns a buffer for an answer of so many bytes.
func (p *pieces) get(answer int64) *[]byte {
	most := min(answer, piecesBytes/p.users.Add(1))
	size := 0
	for size+1 < pieceSizes && minPieceBytes<<(size+1) <= most {
		size++
	}
	if buf, ok := p.pools[size].Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, minPieceBytes<<size)
	return &buf
}

func (p *pieces) put(buf *[]byte) {
	p.users.Add(-1)
	for size := range p.pools {
		if len(*buf) == minPieceBytes<<size {
			p.pools[size].Put(buf)
		}
	}
}
