// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unitNameLimit is how long systemd lets the name of a unit be, in bytes.
const unitNameLimit = 255

// unitName returns the name of the mount unit for dir, which systemd demands
// to be that: `systemd-escape --path --suffix=mount` (systemd.unit(5), "String
// Escaping for Inclusion in Unit Names").
func unitName(dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("%q is no absolute path", dir)
	}
	dir = strings.Trim(filepath.Clean(dir), "/")
	var b strings.Builder
	for i := range len(dir) {
		switch c := dir[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '.' && i == 0, !isPlain(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	if dir == "" {
		b.WriteByte('-')
	}
	b.WriteString(".mount")
	if b.Len() > unitNameLimit {
		return "", fmt.Errorf("the systemd unit for /%s would have a name of %d bytes, and at most %d are possible", dir, b.Len(), unitNameLimit)
	}
	return b.String(), nil
}

func isPlain(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == ':' || c == '_' || c == '.'
}

// unitValue returns path as the value of a setting of a unit. Nothing in such a
// value is quoted, and only "%" has a meaning. What the lines of a unit cannot
// hold is an error: control characters, a backslash at the end, which would
// join it with the next line, and white space at the end, which would be lost.
func unitValue(path string) (string, error) {
	switch {
	case !utf8.ValidString(path):
		return "", errors.New("it is not UTF-8")
	case strings.ContainsFunc(path, unicode.IsControl):
		return "", errors.New("it holds control characters")
	case strings.HasSuffix(path, `\`), strings.TrimRight(path, " ") != path:
		return "", errors.New("it ends in a backslash or a blank")
	}
	return strings.ReplaceAll(path, "%", "%%"), nil
}
