// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"encoding/binary"
	"strings"
	"testing"
)

// chain is an image with a record whose entries go on n times.
func chain(n int) *disc {
	d := newDisc(file("a", 30, 1, ce(31, 0, 28)))
	for i := range n {
		copy(d.sector(31)[28*i:], ce(31, uint32(28*(i+1)), 28))
	}
	clear(d.sector(31)[28*(n-1):])
	return d
}

// overlapping is an image of directories that each reach nearly to its end.
func overlapping() *disc {
	var records [][]byte
	for block := uint32(20); block < 25; block++ {
		records = append(records, rec("X", block, (discSectors-block)*sectorSize, flagDirectory, nm(0, string(rune('a'+block)))))
	}
	d := newDisc(records...)
	for block := 20; block < 25; block++ {
		d.dir(block, nil)
		clear(d.sector(block)[68:])
	}
	return d
}

// Entries may go on 31 times, as in Linux.
func TestContinuations(t *testing.T) {
	if _, err := chain(maxContinuations - 1).mustOpen(t).Stat("a"); err != nil {
		t.Error(err)
	}
}

// endless is an image whose root directory has the same sector again and again.
type endless struct {
	d    *disc
	last []byte
}

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	for i := 0; i < len(p); i += sectorSize {
		sector := e.last
		if at := (off + int64(i)) / sectorSize; at <= rootBlock {
			sector = e.d.sector(int(at))
		}
		copy(p[i:], sector[(off+int64(i))%sectorSize:])
	}
	return len(p), nil
}

// More entries than any archive has are refused while they are counted.
func TestEntryLimit(t *testing.T) {
	e := endless{d: newDisc(), last: make([]byte, 0, sectorSize)}
	for range 60 {
		e.last = append(e.last, rec("A", 0, 0, flagAssociated)...)
	}
	e.last = e.last[:sectorSize]
	for sectors, ok := range map[uint32]bool{maxEntries / 60: true, maxEntries/60 + 1: false} {
		binary.LittleEndian.PutUint32(e.d.sector(16)[166:], (sectors+1)*sectorSize)
		_, err := Open(e, 1<<30)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "more than 2097152 entries") {
			t.Errorf("%d entries: got %v", sectors*60, err)
		}
	}
}

// Directories may be 255 deep, and no deeper.
func TestDepth(t *testing.T) {
	for depth, ok := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		d := newDisc(folder("d", 100))
		d.b = append(d.b, make([]byte, 400*sectorSize)...)
		for i := 1; i < depth; i++ {
			d.dir(99+i, nil, folder("d", uint32(100+i)))
		}
		d.dir(99+depth, nil)
		_, err := d.open()
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "more than 255 directories deep") {
			t.Errorf("%d deep: got %v", depth, err)
		}
	}
}
