// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// disc is an image made by hand, for what no program writes. Its root is at
// rootBlock; the sectors above are free for directories, files and entries.
type disc struct{ b []byte }

const (
	rootBlock   = 18
	discSectors = 40
)

// newDisc makes an image with Rock Ridge whose root has the records.
func newDisc(records ...[]byte) *disc {
	d := &disc{make([]byte, discSectors*sectorSize)}
	d.descriptor(16, typePrimary)
	copy(d.sector(17), "\xffCD001\x01")
	d.dir(rootBlock, concat(susp1("SP", 0xbe, 0xef, 0), px(modeDir), susp1("ER", erRRIP()...)), records...)
	return d
}

func (d *disc) sector(n int) []byte { return d.b[n*sectorSize:][:sectorSize] }

func (d *disc) descriptor(sector int, kind byte) {
	s := d.sector(sector)
	copy(s, "\x00CD001\x01")
	s[0] = kind
	copy(s[40:72], "DISC                            ")
	binary.LittleEndian.PutUint32(s[80:], discSectors)
	binary.LittleEndian.PutUint16(s[128:], sectorSize)
	copy(s[156:190], rec("\x00", rootBlock, sectorSize, flagDirectory))
}

// dir writes a directory of one sector; self are the entries of its own record.
func (d *disc) dir(block int, self []byte, records ...[]byte) {
	s := d.sector(block)
	clear(s)
	all := [][]byte{
		rec("\x00", uint32(block), sectorSize, flagDirectory, self),
		rec("\x01", rootBlock, sectorSize, flagDirectory),
	}
	if n := copy(s, concat(append(all, records...)...)); n == len(s) {
		panic("more records than a sector holds")
	}
}

func (d *disc) open() (*FS, error) { return Open(bytes.NewReader(d.b), int64(len(d.b))) }

func (d *disc) mustOpen(t *testing.T) *FS {
	t.Helper()
	x, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// rec is a directory record.
func rec(name string, block, length uint32, flags byte, system ...[]byte) []byte {
	r := make([]byte, recordHeader, 255)
	binary.LittleEndian.PutUint32(r[2:], block)
	binary.LittleEndian.PutUint32(r[10:], length)
	copy(r[18:25], []byte{126, 2, 3, 4, 5, 6, 0})
	r[25], r[32] = flags, byte(len(name))
	r = append(r, name...)
	if len(r)%2 != 0 {
		r = append(r, 0)
	}
	r = append(r, concat(system...)...)
	if len(r)%2 != 0 {
		r = append(r, 0)
	}
	if len(r) > 255 {
		panic("more in a record than it holds")
	}
	r[0] = byte(len(r))
	return r
}

// file and folder are records with a Rock Ridge name.
func file(name string, block, length uint32, system ...[]byte) []byte {
	return rec("X.;1", block, length, 0, append([][]byte{nm(0, name), px(modeRegular)}, system...)...)
}

func folder(name string, block uint32, system ...[]byte) []byte {
	return rec("X", block, sectorSize, flagDirectory, append([][]byte{nm(0, name), px(modeDir)}, system...)...)
}

func link(name string, entries ...[]byte) []byte {
	return rec("X.;1", 0, 0, 0, nm(0, name), px(modeSymlink), concat(entries...))
}

// susp1 is an entry of version 1.
func susp1(sig string, data ...byte) []byte {
	return slices.Concat([]byte(sig), []byte{byte(suspHeader + len(data)), 1}, data)
}

func nm(flags byte, name string) []byte { return susp1("NM", append([]byte{flags}, name...)...) }

func px(mode uint32) []byte { return susp1("PX", append(both(mode), make([]byte, 24)...)...) }

func sl(flags byte, components ...string) []byte {
	data := []byte{flags}
	for _, c := range components {
		switch c {
		case "/":
			data = append(data, slRoot, 0)
		case ".":
			data = append(data, slCurrent, 0)
		case "..":
			data = append(data, slParent, 0)
		default:
			data = append(append(data, 0, byte(len(c))), c...)
		}
	}
	return susp1("SL", data...)
}

func ce(block, offset, length uint32) []byte {
	return susp1("CE", concat(both(block), both(offset), both(length))...)
}

func cl(block uint32) []byte { return susp1("CL", both(block)...) }

func erRRIP() []byte { return append([]byte{10, 0, 0, 1}, "RRIP_1991A"...) }

// both is a number in both byte orders.
func both(n uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n), n)
}

func concat(parts ...[]byte) []byte { return slices.Concat(parts...) }
