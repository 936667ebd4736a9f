// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// isJolietEscape knows the escape sequences of UCS-2 levels 1, 2 and 3
// (Joliet specification, "SVD Escape Sequences").
func isJolietEscape(seq []byte) bool {
	return bytes.HasPrefix(seq, []byte("%/@")) ||
		bytes.HasPrefix(seq, []byte("%/C")) ||
		bytes.HasPrefix(seq, []byte("%/E"))
}

// joliet reads the names of a Joliet tree, which knows files and directories only.
type joliet struct{}

func (joliet) describe(r *record, in *inode) error {
	in.kind = plainKind(r)
	if len(r.name)%2 != 0 {
		return errors.New("a Joliet name with an odd number of bytes")
	}
	in.name = appendUCS2(in.name, r.name)
	if in.kind == kindFile {
		in.name = trimVersion(in.name)
	}
	return nil
}

// appendUCS2 decodes big-endian UCS-2. Pairs of surrogates are taken as UTF-16,
// which is what some writers put there.
func appendUCS2(dst, src []byte) []byte {
	for len(src) >= 2 {
		c := rune(src[0])<<8 | rune(src[1])
		src = src[2:]
		if utf16.IsSurrogate(c) && len(src) >= 2 {
			if r := utf16.DecodeRune(c, rune(src[0])<<8|rune(src[1])); r != utf8.RuneError {
				c, src = r, src[2:]
			}
		}
		dst = utf8.AppendRune(dst, c)
	}
	return dst
}

// trimVersion cuts ";1" off a file's name. It is no part of it: writers turn a
// ";" of the name itself into "_".
func trimVersion(name []byte) []byte {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	if i < len(name) && i > 1 && name[i-1] == ';' {
		return name[:i-1]
	}
	return name
}
