// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

var (
	errUnfinished = errors.New("the file ends before its last section")
	errTooLarge   = errors.New("the file is larger than the image")
)

// pending is a file some of whose sections are read (ECMA-119 9.1.6, multi-extent).
type pending struct {
	open     bool
	offset   int64  // of its first record
	raw      []byte // its name as written, which all its records have
	child    child
	sections Extents
}

func (p *pending) name(w *walker) string { return string(w.text[p.child.text:p.child.textEnd]) }

// sectors reads the records of w.buf, which lies at off in the image.
// Records do not cross sectors; a zero length ends a sector.
func (w *walker) sectors(i int, off int64) error {
	for start := 0; start < len(w.buf); start += sectorSize {
		sector := w.buf[start:min(start+sectorSize, len(w.buf))]
		for at := 0; at < len(sector) && sector[at] != 0; at += int(sector[at]) {
			offset := off + int64(start+at)
			var err error
			if w.rec, err = parseRecord(sector[at:], offset); err != nil {
				return w.wrap(i, "", offset, err)
			}
			if err := w.record(i, &w.rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// record takes one record of the i-th directory.
func (w *walker) record(i int, r *record) error {
	if w.records++; w.records > maxEntries {
		return w.wrap(i, "", r.offset, fmt.Errorf("more than %d entries", maxEntries))
	}
	if r.isSelf() || r.isParent() || r.flags&flagAssociated != 0 {
		return nil
	}
	if w.file.open {
		return w.nextSection(i, r)
	}
	w.in = inode{name: w.text[len(w.text):]}
	in := &w.in
	err := w.names.describe(r, in)
	if err == nil && in.kind != kindNone {
		err = checkName(in.name)
	}
	if err != nil {
		return w.wrap(i, cmp.Or(string(in.name), string(r.name)), r.offset, err)
	}
	return w.inode(i, r, in)
}

// inode makes an entry of what a record says.
func (w *walker) inode(i int, r *record, in *inode) error {
	c := child{node: node{kind: in.kind, date: r.date}, text: len(w.text)}
	switch {
	case in.kind == kindNone:
		return nil
	case in.moved:
		w.moved[r.block] = relocation{parent: i, name: string(in.name)}
		w.queue[i].movedOut++
		return nil
	}
	w.text = append(w.text, in.name...)
	c.textEnd = len(w.text)
	switch in.kind {
	case kindFile:
		w.file = pending{
			open: true, offset: r.offset, child: c,
			raw: append(w.file.raw[:0], r.name...), sections: w.file.sections[:0],
		}
		return w.nextSection(i, r)
	case kindDir:
		c.block, c.extent, c.relocated = r.block, r.extent(), in.hasChild
		if in.hasChild {
			c.block = in.child
		}
		if r.flags&flagMore != 0 {
			return w.wrap(i, string(in.name), r.offset, errors.New("a directory in several sections"))
		}
	case kindLink:
		c.first = uint32(len(w.x.links))
		c.setSize(int64(len(in.target)))
		w.x.links = append(w.x.links, in.target)
	}
	w.children = append(w.children, c)
	return nil
}

// nextSection adds a record to the open file, and closes that with its last.
func (w *walker) nextSection(i int, r *record) error {
	f := &w.file
	if r.isDir() || !bytes.Equal(f.raw, r.name) {
		return w.wrap(i, f.name(w), r.offset, errUnfinished)
	}
	e := r.extent()
	// Where nothing is stored, writers put any address.
	if e.Length > 0 {
		if !w.im.contains(e.Offset, e.Length) {
			return w.wrap(i, f.name(w), r.offset, w.im.truncated(e.end()))
		}
		f.sections = f.sections.add(e)
		size := f.child.size() + e.Length
		if size > min(w.im.size, maxSize) {
			return w.wrap(i, f.name(w), r.offset, errTooLarge)
		}
		f.child.setSize(size)
	}
	if r.flags&flagMore == 0 {
		w.closeFile()
	}
	return nil
}

// closeFile puts the open file among the entries.
func (w *walker) closeFile() {
	f := &w.file
	f.open = false
	switch {
	case len(f.sections) == 0: // an empty file
	case len(f.sections) == 1 && f.sections[0].Offset <= math.MaxUint32*sectorSize:
		f.child.first = uint32(f.sections[0].Offset / sectorSize)
	default:
		f.child.kind, f.child.first = kindSections, uint32(len(w.x.sections))
		w.x.sections = append(w.x.sections, slices.Clone(f.sections))
	}
	w.children = append(w.children, f.child)
}

// wrap tells where in the image an error is. name may be empty, for the i-th directory itself.
func (w *walker) wrap(i int, name string, offset int64, err error) error {
	var already *FormatError
	if errors.As(err, &already) {
		offset, err = already.Offset, already.Err
	}
	return &FormatError{Path: w.path(i, name), Offset: offset, Err: err}
}

// path is where an entry of the i-th directory is. It is for errors only: it copies all names.
func (w *walker) path(i int, name string) string {
	w.x.names = string(w.arena)
	parts := []string{name}
	for ; i > 0; i = w.queue[i].parent {
		parts = append(parts, w.x.name(&w.x.nodes[w.queue[i].node]))
	}
	slices.Reverse(parts)
	if p := strings.Trim(strings.Join(parts, "/"), "/"); p != "" {
		return p
	}
	return "."
}
