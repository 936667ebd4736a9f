// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

const digestPrefix = "sha256:"

// digest is a SHA-256 digest, the only kind that archives have.
type digest [sha256.Size]byte

// parseDigest reads "sha256:" and 64 hex digits in lower case.
func parseDigest(s string) (digest, bool) {
	digits, found := strings.CutPrefix(s, digestPrefix)
	if !found {
		return digest{}, false
	}
	return parseHex(digits)
}

// parseHex reads 64 hex digits in lower case: the name of a blob's file.
func parseHex(s string) (d digest, ok bool) {
	if len(s) != hex.EncodedLen(len(d)) || strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'F' }) {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err == nil
}

func (d digest) hex() string    { return hex.EncodeToString(d[:]) }
func (d digest) String() string { return digestPrefix + d.hex() }

// key is what places are sorted by.
func (d digest) key() uint32 { return binary.BigEndian.Uint32(d[:]) }

// place says that an image's directory has a file with a digest. Of the digest
// it has the first bytes only, so that a file costs 8 bytes: the file system's
// own index has the whole name, and is asked for it.
type place struct {
	key   uint32
	image uint32
}

// places are sorted by key, then image.
type places []place

func (p places) sort() {
	slices.SortFunc(p, func(a, b place) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.image, b.image)) })
}

// find returns the places that may have a digest.
func (p places) find(d digest) places {
	key := d.key()
	byKey := func(p place, key uint32) int { return cmp.Compare(p.key, key) }
	from, _ := slices.BinarySearchFunc(p, key, byKey)
	to := from
	for to < len(p) && p[to].key == key {
		to++
	}
	return p[from:to]
}
