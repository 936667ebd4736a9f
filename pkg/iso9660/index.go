// SPDX-License-Identifier: Apache-2.0

package iso9660

import "strings"

// node is one entry of the tree. It holds no pointer and 24 bytes, since those who
// mount archives keep 10,000 of them for each; names are all in one string, and
// the entries of a directory lie side by side, sorted by name.
type node struct {
	first    uint32 // see kind
	sizeLow  uint32 // see size
	name     uint32 // where in FS.names
	sizeHigh uint16
	nameLen  uint16 // as it is stored; with packedName
	kind     kind
	date     date
}

const (
	// packedName says that a name starts with 64 hexadecimal digits, kept as 32
	// bytes. It is no length: see maxName.
	packedName = 1 << 15
	// maxSize is the limit of what size returns: 2048 times what block numbers
	// can tell apart has 43 bits.
	maxSize = 1<<48 - 1
)

// size is what kind says: the bytes of a file, for one.
func (n *node) size() int64 { return int64(n.sizeHigh)<<32 | int64(n.sizeLow) }

func (n *node) setSize(size int64) { n.sizeLow, n.sizeHigh = uint32(size), uint16(size>>32) }

// offset is where the bytes of a file begin.
func (n *node) offset() int64 { return int64(n.first) * sectorSize }

func (n *node) packed() bool { return n.nameLen&packedName != 0 }

const digestHex = 64 // digits of a SHA-256 digest, which most names of an archive are

// name returns a node's name.
func (x *FS) name(n *node) string {
	s := x.stored(n)
	if !n.packed() {
		return s
	}
	var room [2 * digestHex]byte // on the stack, for nearly all names
	buf := room[:0]
	for i := range digestHex {
		buf = append(buf, digit(s, i))
	}
	return string(append(buf, s[digestHex/2:]...))
}

// stored is the name as FS.names has it.
func (x *FS) stored(n *node) string { return x.names[n.name:][:n.nameLen&^packedName] }

// compare orders a node's name and another, as strings.Compare does.
func (x *FS) compare(n *node, name string) int {
	s := x.stored(n)
	if !n.packed() {
		return strings.Compare(s, name)
	}
	for i := range digestHex {
		if i == len(name) {
			return 1
		}
		if c := digit(s, i); c != name[i] {
			return int(c) - int(name[i])
		}
	}
	return strings.Compare(s[digestHex/2:], name[digestHex:])
}

// child finds a directory's entry by name.
func (x *FS) child(dir *node, name string) (uint32, bool) {
	low := int64(dir.first)
	high := low + dir.size()
	for low < high {
		middle := (low + high) / 2
		switch c := x.compare(&x.nodes[middle], name); {
		case c == 0:
			return uint32(middle), true
		case c < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return 0, false
}

// digit is the i-th hexadecimal digit of a packed name.
func digit(packed string, i int) byte {
	b := packed[i/2]
	if i%2 == 0 {
		b >>= 4
	}
	return "0123456789abcdef"[b&15]
}

// appendPacked appends a name as it is stored, and says whether it is packed.
func appendPacked(dst, name []byte) ([]byte, bool) {
	if len(name) < digestHex {
		return append(dst, name...), false
	}
	for _, c := range name[:digestHex] {
		if !isHex(c) {
			return append(dst, name...), false
		}
	}
	for i := 0; i < digestHex; i += 2 {
		dst = append(dst, value(name[i])<<4|value(name[i+1]))
	}
	return append(dst, name[digestHex:]...), true
}

// isHex knows lower-case digits only, so that a packed name reads back as it was.
func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func value(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}
