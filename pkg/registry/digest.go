// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"encoding/hex"
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
