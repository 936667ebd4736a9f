// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names that are written as they are: the grammars of the OCI distribution
// specification for repositories and tags, of digests, and of media types
// (RFC 6838).
var (
	namePattern   = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	mediaPattern  = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9.+_-]+$`)
)

// CheckPath refuses a path that is not absolute, or that nginx could not be
// told of: nothing stands for a "$", and the rest would have to be escaped.
func CheckPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("%q is no absolute path", path)
	case !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q holds characters that cannot be printed", path)
	case strings.ContainsAny(path, `$"\`):
		return fmt.Errorf(`%q holds a $, a " or a \, which nginx could not be told of`, path)
	}
	return nil
}

// quotePath quotes what CheckPath accepts.
func quotePath(path string) string { return `"` + path + `"` }

// encode returns strings as JSON.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings cannot fail
	}
	return data
}

// maxToken is how long a part of a text is made: nginx takes 4 KiB for a word,
// and escapes double it at most.
const maxToken = 1000

// quoteJSON returns JSON as words of nginx that are to be joined.
func quoteJSON(data []byte) []string {
	// Nothing in JSON but a string holds a "$".
	text := strings.ReplaceAll(string(data), "$", `\u0024`)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var words []string
	for len(text) > maxToken {
		words = append(words, `"`+escape.Replace(text[:maxToken])+`"`)
		text = text[maxToken:]
	}
	return append(words, `"`+escape.Replace(text)+`"`)
}
