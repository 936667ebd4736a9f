// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"slices"
)

// secret is a random number that an archive has while it is open.
type secret [16]byte

// key stands for a digest in 16 bytes, and not 32: half of a hash of it and the
// archive's secret. By accident no two digests have the same key, and without the
// secret nobody can make some that do, be it for an archive or for a request. So who
// asks for a digest gets what has it, or nothing; clients compare it all the same.
type key [16]byte

func newSecret() (s secret) {
	_, _ = rand.Read(s[:]) // it has no errors
	return s
}

func (s secret) key(d digest) key {
	var both [len(s) + len(d)]byte
	copy(both[copy(both[:], s[:]):], d[:])
	sum := sha256.Sum256(both[:])
	return key(sum[:len(key{})])
}

// stored is a file of an image, by its digest. It has no pointer and 28 bytes:
// 200,000 of them, which 20 archives have, are most of a registry's memory.
type stored struct {
	key key
	place
}

// table is sorted by key, then image.
type table []stored

func (t table) sort() {
	slices.SortFunc(t, func(a, b stored) int {
		return cmp.Or(bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.image, b.image))
	})
}

// find returns the files that have a key.
func (t table) find(k key) table {
	from, _ := slices.BinarySearchFunc(t, k, func(s stored, k key) int { return bytes.Compare(s.key[:], k[:]) })
	return t[from:].leading(k)
}

// leading returns the files at the beginning that have a key.
func (t table) leading(k key) table {
	for i := range t {
		if t[i].key != k {
			return t[:i]
		}
	}
	return t
}

// of returns the first file of an image of repo, nil for none.
func (t table) of(repo *repository) *stored {
	for i := range t {
		if repo.has(t[i].image) {
			return &t[i]
		}
	}
	return nil
}

// distinct leaves one of the files with a key where they are all the same bytes,
// so that it does not matter whose they are. It needs t sorted, and overwrites it.
func (t table) distinct() table {
	kept := t[:0]
	for rest := t; len(rest) > 0; {
		same := rest.leading(rest[0].key)
		rest = rest[len(same):]
		elsewhere := func(s stored) bool { return !s.shares(same[0].place) }
		if !slices.ContainsFunc(same, elsewhere) {
			same = same[:1]
		}
		kept = append(kept, same...)
	}
	return kept
}
