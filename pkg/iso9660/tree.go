// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Limits of a tree. The largest Solutions have some 10,000 entries.
const (
	maxEntries        = 1 << 21
	maxDepth          = 255
	maxDirectoryBytes = 1 << 30

	chunkSize = 32 * sectorSize // what is read of a directory at a time
)

// walker reads the directories of a tree, breadth first, into an index.
type walker struct {
	im      *image
	names   decoder
	x       *FS
	arena   []byte // becomes x.names
	queue   []directory
	seen    map[uint32]struct{}   // blocks of directories read
	moved   map[uint32]relocation // by block
	budget  int64                 // bytes of directories that may still be read
	records int
	inRoot  int // index in queue of the root's rr_moved, 0 for none

	// Of the directory being read:
	buf      []byte
	children []child
	text     []byte // the children's names
	file     pending
	rec      record // the record at hand
	in       inode  // and what it stands for
}

// directory is one directory to read.
type directory struct {
	node      uint32
	parent    int // index in the queue
	depth     int
	block     uint32
	extent    Extent
	relocated bool // only block is known yet
	movedOut  int  // relocated directories in it
}

// relocation is a relocated directory, where it lies: in the parent-th directory of the queue.
type relocation struct {
	parent int
	name   string
}

// child is an entry of the directory being read.
type child struct {
	node
	text, textEnd int // its name, in walker.text
	block         uint32
	extent        Extent
	relocated     bool
}

// walk reads the tree that starts with root.
func walk(im *image, names decoder, root *record) (*FS, error) {
	w := &walker{
		im: im, names: names, x: &FS{image: im},
		seen: map[uint32]struct{}{}, moved: map[uint32]relocation{},
		budget: min(maxDirectoryBytes, im.size),
	}
	w.x.nodes = append(w.x.nodes, node{kind: kindDir, date: root.date})
	w.queue = append(w.queue, directory{block: root.block, extent: root.extent()})
	for i := 0; i < len(w.queue); i++ {
		if err := w.read(i); err != nil {
			return nil, err
		}
	}
	if err := w.checkMoved(); err != nil {
		return nil, err
	}
	w.hideMoved()
	w.x.nodes = slices.Clone(w.x.nodes)
	w.x.names = string(w.arena)
	return w.x, nil
}

// read reads the i-th directory of the queue.
func (w *walker) read(i int) error {
	w.children, w.text = w.children[:0], w.text[:0]
	if err := w.locate(&w.queue[i]); err != nil {
		return w.wrap(i, "", int64(w.queue[i].block)*sectorSize, err)
	}
	d := w.queue[i]
	for off := d.extent.Offset; off < d.extent.end(); off += chunkSize {
		n := min(chunkSize, d.extent.end()-off)
		w.buf = slices.Grow(w.buf[:0], int(n))[:n]
		if err := w.im.readAt(w.buf, off); err != nil {
			return w.wrap(i, "", off, err)
		}
		if err := w.sectors(i, off); err != nil {
			return err
		}
	}
	if w.file.open {
		return w.wrap(i, w.file.name(w), w.file.offset, errUnfinished)
	}
	return w.store(i)
}

// locate finds a directory's extent and checks it before anything of it is read.
func (w *walker) locate(d *directory) error {
	if _, again := w.seen[d.block]; again {
		return errors.New("the directory is in the tree twice")
	}
	w.seen[d.block] = struct{}{}
	if d.depth > maxDepth {
		return fmt.Errorf("more than %d directories deep", maxDepth)
	}
	if err := w.firstRecord(d); err != nil {
		return err
	}
	if d.extent.Length <= recordHeader {
		return fmt.Errorf("directory of %d bytes", d.extent.Length)
	}
	if !w.im.contains(d.extent.Offset, d.extent.Length) {
		return w.im.truncated(d.extent.end())
	}
	if w.budget -= d.extent.Length; w.budget < 0 {
		return fmt.Errorf("directories take more than %d bytes", min(maxDirectoryBytes, w.im.size))
	}
	return nil
}

// firstRecord checks that a directory starts with its own record, so that one
// which was never written does not look like an empty one. Of a relocated
// directory this record alone tells the length.
func (w *walker) firstRecord(d *directory) error {
	if d.relocated {
		d.extent = Extent{Offset: int64(d.block) * sectorSize, Length: sectorSize}
	}
	buf := make([]byte, recordHeader+1)
	if err := w.im.readAt(buf, d.extent.Offset); err != nil {
		return err
	}
	buf[0] = min(buf[0], recordHeader+1) // the entries behind the name are of no interest
	self, err := parseRecord(buf, d.extent.Offset)
	if err != nil || !self.isSelf() || !self.isDir() {
		return errors.New("the directory does not start with its own record")
	}
	if d.relocated {
		d.extent = self.extent()
	}
	return nil
}

// store sorts the entries of the i-th directory, which is read, and puts them
// into the index; the directories among them go to the queue.
func (w *walker) store(i int) error {
	name := func(c *child) []byte { return w.text[c.text:c.textEnd] }
	slices.SortFunc(w.children, func(a, b child) int { return bytes.Compare(name(&a), name(&b)) })
	d := &w.x.nodes[w.queue[i].node]
	d.first = uint32(len(w.x.nodes))
	d.setSize(int64(len(w.children)))
	for j := range w.children {
		c := &w.children[j]
		if j > 0 && string(name(c)) == string(name(&w.children[j-1])) {
			return w.wrap(i, string(name(c)), w.queue[i].extent.Offset, errors.New("the name is in the directory twice"))
		}
		if c.kind == kindDir {
			w.enqueue(i, c, string(name(c)))
		}
		c.name = uint32(len(w.arena))
		var packed bool
		w.arena, packed = appendPacked(w.arena, name(c))
		if c.nameLen = uint16(len(w.arena) - int(c.name)); packed {
			c.nameLen |= packedName
		}
		w.x.nodes = append(w.x.nodes, c.node)
	}
	return nil
}

// enqueue notes that the next node is a directory to be read.
func (w *walker) enqueue(parent int, c *child, name string) {
	if parent == 0 && (name == "rr_moved" || name == ".rr_moved") {
		w.inRoot = len(w.queue)
	}
	w.queue = append(w.queue, directory{
		node: uint32(len(w.x.nodes)), parent: parent, depth: w.queue[parent].depth + 1,
		block: c.block, extent: c.extent, relocated: c.relocated,
	})
}

// checkMoved makes sure that each directory which was moved is seen somewhere else.
func (w *walker) checkMoved() error {
	for _, block := range slices.Sorted(maps.Keys(w.moved)) {
		if _, ok := w.seen[block]; !ok {
			m := w.moved[block]
			return w.wrap(m.parent, m.name, int64(block)*sectorSize,
				errors.New("the directory is relocated, and nothing says where it belongs"))
		}
	}
	return nil
}

// hideMoved takes rr_moved out of the root if nothing else is in it.
func (w *walker) hideMoved() {
	if w.inRoot == 0 {
		return
	}
	d, root := w.queue[w.inRoot], &w.x.nodes[0]
	if d.movedOut == 0 || w.x.nodes[d.node].size() != 0 {
		return
	}
	copy(w.x.nodes[d.node:int64(root.first)+root.size()], w.x.nodes[d.node+1:])
	root.setSize(root.size() - 1)
}
