// SPDX-License-Identifier: Apache-2.0

package iso9660

import "bytes"

// Flags of the components of a symbolic link (RRIP 4.1.3.1).
const (
	slContinue = 1 // of the entry: more entries follow; of a component: its text goes on in the next
	slCurrent  = 2
	slParent   = 4
	slRoot     = 8

	maxTarget = 4096 // PATH_MAX
)

// linkTarget collects the SL entries of one record.
type linkTarget struct {
	path   []byte
	seen   bool
	broken bool
	more   bool // another entry should follow
	joined bool // the next component continues the last
	parts  int
	rooted bool // the last component was the root, which is its own slash
}

// target returns the path, and whether it is whole.
func (l *linkTarget) target() (string, bool) {
	return string(l.path), !l.broken && !l.more && !l.joined && len(l.path) > 0
}

// add takes the data of one SL entry: flags, then components of flags, length and text.
func (l *linkTarget) add(data []byte) {
	if len(data) < 1 || l.seen && !l.more || data[0]&^slContinue != 0 {
		l.seen, l.broken = true, true
		return
	}
	l.seen, l.more = true, data[0]&slContinue != 0
	for data = data[1:]; len(data) > 0; {
		if len(data) < 2 || len(data) < 2+int(data[1]) || !l.component(data[0], data[2:2+int(data[1])]) {
			l.broken = true
			return
		}
		data = data[2+int(data[1]):]
	}
}

// component appends one component, with a slash before it if it starts a new one.
func (l *linkTarget) component(flags byte, text []byte) bool {
	name, ok := componentText(flags, text)
	if !ok || len(l.path)+len(name) >= maxTarget {
		return false
	}
	if l.parts > 0 && !l.joined && !l.rooted {
		l.path = append(l.path, '/')
	}
	l.path = append(l.path, name...)
	l.joined, l.rooted = flags&slContinue != 0, flags == slRoot
	l.parts++
	return true
}

// componentText is what a component stands for.
func componentText(flags byte, text []byte) ([]byte, bool) {
	switch flags {
	case 0, slContinue:
		return text, bytes.IndexByte(text, '/') < 0 && bytes.IndexByte(text, 0) < 0
	case slCurrent:
		return []byte("."), len(text) == 0
	case slParent:
		return []byte(".."), len(text) == 0
	case slRoot:
		return []byte("/"), len(text) == 0 // xorriso writes "a//b" as a, root, b
	}
	return nil, false
}
