// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Flags of a directory record (ECMA-119 9.1.6).
const (
	flagDirectory  = 0x02
	flagAssociated = 0x04
	flagMore       = 0x80 // not the last section of its file
)

// recordHeader is the length of a directory record without its name.
const recordHeader = 33

// record is one directory record (ECMA-119 9.1). Its slices point into the
// buffer that it was parsed from.
type record struct {
	offset int64 // of the record in the image
	block  uint32
	xattr  byte // blocks of extended attributes before the content
	length uint32
	date   date
	flags  byte
	name   []byte // as written: 0 for the directory itself, 1 for its parent
	system []byte // the System Use area
}

// date is a date as a directory record has it (ECMA-119 9.1.5).
type date [7]byte

// parseRecord reads the record that buf starts with. buf ends where the sector
// does, as records do not cross sectors.
func parseRecord(buf []byte, offset int64) (record, error) {
	n := int(buf[0])
	if n <= recordHeader || n > len(buf) {
		return record{}, damaged(offset, "directory record of %d bytes where %d are left in the sector", n, len(buf))
	}
	buf = buf[:n]
	nameEnd := recordHeader + int(buf[32])
	if nameEnd == recordHeader || nameEnd > n {
		return record{}, damaged(offset, "name of %d bytes in a directory record of %d", buf[32], n)
	}
	if buf[26] != 0 || buf[27] != 0 {
		return record{}, damaged(offset, "interleaved files are not supported")
	}
	return record{
		offset: offset,
		block:  binary.LittleEndian.Uint32(buf[2:]),
		xattr:  buf[1],
		length: binary.LittleEndian.Uint32(buf[10:]),
		date:   date(buf[18:25]),
		flags:  buf[25],
		name:   buf[recordHeader:nameEnd],
		// The area starts on an even byte.
		system: buf[min(n, nameEnd+nameEnd%2):],
	}, nil
}

func (r *record) isDir() bool { return r.flags&flagDirectory != 0 }

// isSelf says whether this is the record of a directory in itself.
func (r *record) isSelf() bool { return len(r.name) == 1 && r.name[0] == 0 }

func (r *record) isParent() bool { return len(r.name) == 1 && r.name[0] == 1 }

// extent is where the content is.
func (r *record) extent() Extent {
	return Extent{Offset: (int64(r.block) + int64(r.xattr)) * sectorSize, Length: int64(r.length)}
}

// clone gives a record that does not depend on the buffer.
func (r *record) clone() record {
	c := *r
	c.name, c.system = bytes.Clone(r.name), bytes.Clone(r.system)
	return c
}

// time converts the date; one that does not exist gives the zero time.
func (d date) time() time.Time {
	month, day := time.Month(d[1]), int(d[2])
	if month < time.January || month > time.December || day < 1 || day > 31 {
		return time.Time{}
	}
	east := time.Duration(int8(d[6])) * 15 * time.Minute
	return time.Date(1900+int(d[0]), month, day, int(d[3]), int(d[4]), int(d[5]), 0, time.UTC).Add(-east)
}
