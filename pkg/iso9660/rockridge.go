// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rock Ridge (RRIP 1.12, IEEE P1282), as far as an archive needs it.
const (
	nmContinue = 1 // the name goes on in the next NM
	nmSpecial  = 6 // "." or ".."

	modeType    = 0o170000
	modeRegular = 0o100000
	modeDir     = 0o040000
	modeSymlink = 0o120000
)

// rockRidge reads names and types from the entries of records.
type rockRidge struct {
	susp
	e    entries   // of the record at hand
	take entryFunc // e.add, bound once
}

// detectRockRidge looks into the record of the root in itself, where SP begins
// the entries and an identifier of Rock Ridge (ER) is, in a continuation area.
// It returns nil where there is no Rock Ridge.
func detectRockRidge(im *image, root *record) (*rockRidge, error) {
	buf := make([]byte, sectorSize)
	off := root.extent().Offset
	if err := im.readAt(buf, off); err != nil {
		return nil, &FormatError{Path: ".", Offset: root.offset, Err: err}
	}
	self, err := parseRecord(buf, off)
	if err != nil {
		return nil, err
	}
	area, skip, found := suspArea(self.system)
	if !found {
		return nil, nil
	}
	rr := &rockRidge{susp: susp{im: im, budget: min(maxDirectoryBytes, im.size)}}
	rr.take = rr.e.add
	known := false
	err = rr.each(area, func(sig, data []byte) bool {
		// PX: some images have the entries, and no ER.
		known = known || string(sig) == "PX" || string(sig) == "ER" && isRockRidgeID(data)
		return true
	})
	if err != nil {
		return nil, &FormatError{Path: ".", Offset: off, Err: err}
	}
	if !known {
		return nil, nil
	}
	rr.skip = skip
	return rr, nil
}

// suspArea finds SP, which is first in the area, or after 14 bytes on a
// CD-ROM XA disc (SUSP 5.3). skip is what other records' areas start with.
func suspArea(area []byte) (entries []byte, skip int, found bool) {
	for _, start := range []int{0, 14} {
		if a := area[min(start, len(area)):]; len(a) >= 7 && string(a[:6]) == "SP\x07\x01\xbe\xef" {
			return a, int(a[6]), true
		}
	}
	return nil, 0, false
}

// isRockRidgeID knows the extension identifiers of RRIP 1.09, 1.10 and 1.12.
func isRockRidgeID(er []byte) bool {
	if len(er) < 4 || len(er) < 4+int(er[0]) {
		return false
	}
	return slices.Contains([]string{"RRIP_1991A", "IEEE_P1282", "IEEE_1282"}, string(er[4:4+er[0]]))
}

// entries is what the entries of one record say.
type entries struct {
	name     []byte
	named    bool
	nameMore bool
	mode     uint32
	link     linkTarget
	child    uint32 // block of a relocated directory (CL)
	hasChild bool
	moved    bool // RE: reached from elsewhere
	err      error
}

func (rr *rockRidge) describe(r *record, in *inode) error {
	e := &rr.e
	*e = entries{name: in.name}
	if err := rr.each(r.system[min(rr.skip, len(r.system)):], rr.take); err != nil {
		e.err = err
	}
	in.name = e.name
	switch {
	case e.link.seen && !r.isDir():
		return e.describeLink(in)
	case e.err != nil:
		return e.err
	case e.nameMore:
		return errors.New("the Rock Ridge name ends before its last part")
	}
	if !e.named {
		in.name = plainName(in.name, r)
	}
	in.name = utf8Name(in.name)
	return e.classify(r, in)
}

// describeLink drops a link whose entries are broken: a wrong target is worse
// than none, and the rest of the image is sound.
func (e *entries) describeLink(in *inode) error {
	if errors.Is(e.err, ErrTruncated) {
		return e.err
	}
	target, ok := e.link.target()
	if !ok || !e.sound() || !e.named {
		in.kind = kindNone
		return nil //nolint:nilerr // see above
	}
	in.name = utf8Name(in.name)
	in.kind, in.target = kindLink, target
	return nil
}

// sound says whether nothing but a link's target may be wrong.
func (e *entries) sound() bool { return e.err == nil && !e.nameMore }

// classify decides what a record that is no link is.
func (e *entries) classify(r *record, in *inode) error {
	in.kind = plainKind(r)
	switch {
	case in.kind == kindDir:
		in.moved = e.moved
	case e.hasChild:
		in.kind, in.child, in.hasChild = kindDir, e.child, true
	case e.mode&modeType == modeSymlink:
		in.kind = kindNone // a link without a target
	case e.mode&modeType == modeDir:
		return errors.New("a directory in Rock Ridge, and a file in ISO 9660")
	case e.mode&modeType != modeRegular && e.mode&modeType != 0:
		in.kind = kindOther
	}
	return nil
}

// add takes one entry.
func (e *entries) add(sig, data []byte) bool {
	switch string(sig) {
	case "NM":
		e.addName(data)
	case "PX":
		if len(data) < 4 {
			e.err = errBadSUSP
			break
		}
		e.mode = binary.LittleEndian.Uint32(data)
	case "SL":
		e.link.add(data)
		return !e.link.broken // behind a broken link there is no telling where an entry starts
	case "CL":
		if len(data) < 4 {
			e.err = errBadSUSP
			break
		}
		e.child, e.hasChild = binary.LittleEndian.Uint32(data), true
	case "RE":
		e.moved = true
	case "ZF", "SF":
		e.err = fmt.Errorf("compressed and sparse files (%s) are not supported", sig)
	}
	return e.err == nil
}

// addName takes one part of the name.
func (e *entries) addName(data []byte) {
	switch {
	case len(data) < 1 || e.named && !e.nameMore || data[0]&nmSpecial != 0:
		e.err = errors.New("malformed Rock Ridge name")
	case len(e.name)+len(data)-1 > maxName:
		e.err = errNameTooLong
	default:
		e.name = append(e.name, data[1:]...)
		e.named, e.nameMore = true, data[0]&nmContinue != 0
	}
}

// plainName appends the ISO 9660 name of a record without NM, which by RRIP
// 4.1.4 is its name then. A writer that leaves NM out does so because the two are equal.
func plainName(dst []byte, r *record) []byte {
	if r.isDir() {
		return append(dst, r.name...)
	}
	name := trimVersion(r.name)
	return append(dst, strings.TrimSuffix(string(name), ".")...)
}

// utf8Name reads a name that is no UTF-8 as ISO 8859-1, since io/fs knows
// UTF-8 only and the image does not tell its character set.
func utf8Name(name []byte) []byte {
	if utf8.Valid(name) {
		return name
	}
	out := make([]byte, 0, 2*len(name))
	for _, b := range name {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}
