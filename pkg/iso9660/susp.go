// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"encoding/binary"
	"errors"
)

// The System Use Sharing Protocol (SUSP 1.12, IEEE P1281): entries of a
// two-letter signature, a length, a version and data, in the System Use area of
// a directory record and in continuation areas (CE) elsewhere in the image.
const (
	suspHeader       = 4
	maxContinuations = 32       // areas of one record, as in Linux
	maxContinuation  = 64 << 10 // bytes of one area; real ones have at most 2048
)

var (
	errBadSUSP   = errors.New("malformed Rock Ridge entries")
	errTooManyCE = errors.New("too many Rock Ridge continuation areas")
)

// susp walks the entries of records.
type susp struct {
	im     *image
	skip   int   // bytes before the first entry, from SP
	budget int64 // bytes of continuation areas that may still be read

	area       []byte // the last areas' sectors: writers put the areas of neighbours side by side
	areaOffset int64
}

// entryFunc takes one entry, and says whether to go on.
type entryFunc func(sig, data []byte) bool

// place is where a continuation area is.
type place struct{ offset, length int64 }

// each calls fn for every entry of the area and of those that continue it.
func (s *susp) each(area []byte, fn entryFunc) error {
	for range maxContinuations {
		next, more, err := s.entries(area, fn)
		if err != nil || !more {
			return err
		}
		if area, err = s.continuation(next); err != nil {
			return err
		}
	}
	return errTooManyCE
}

// entries walks one area. more means that next is where the following one is.
func (s *susp) entries(area []byte, fn entryFunc) (next place, more bool, err error) {
	for len(area) >= suspHeader && area[0] != 0 {
		n := int(area[2])
		if n < suspHeader || n > len(area) {
			return next, false, errBadSUSP
		}
		sig, data := area[:2], area[suspHeader:n]
		area = area[n:]
		switch {
		case string(sig) == "ST":
			return next, more, nil
		case string(sig) == "CE" && len(data) < 24:
			return next, false, errBadSUSP
		case string(sig) == "CE":
			next = place{
				offset: int64(binary.LittleEndian.Uint32(data))*sectorSize + int64(binary.LittleEndian.Uint32(data[8:])),
				length: int64(binary.LittleEndian.Uint32(data[16:])),
			}
			more = true
		case !fn(sig, data):
			return next, false, nil
		}
	}
	for _, b := range area {
		if b != 0 {
			return next, false, errBadSUSP
		}
	}
	return next, more, nil
}

// continuation reads one continuation area. What it returns is valid until the next call.
func (s *susp) continuation(p place) ([]byte, error) {
	if p.length > maxContinuation {
		return nil, errBadSUSP
	}
	if !s.im.contains(p.offset, p.length) {
		return nil, s.im.truncated(p.offset + p.length)
	}
	if s.budget -= p.length; s.budget < 0 {
		return nil, errTooManyCE
	}
	start := p.offset / sectorSize * sectorSize
	end := min(s.im.size, (p.offset+p.length+sectorSize-1)/sectorSize*sectorSize)
	if start < s.areaOffset || end > s.areaOffset+int64(len(s.area)) {
		s.area = append(s.area[:0], make([]byte, end-start)...)
		s.areaOffset = start
		if err := s.im.readAt(s.area, start); err != nil {
			s.area = s.area[:0]
			return nil, err
		}
	}
	return s.area[p.offset-s.areaOffset:][:p.length], nil
}
