// SPDX-License-Identifier: Apache-2.0

package nginx

import (
	"fmt"
	"regexp"
	"strings"
)

// writer writes directives, indented.
type writer struct {
	strings.Builder
	depth int
}

// line writes one directive, which brings its own end.
func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(w, "%s%s\n", strings.Repeat("    ", w.depth), fmt.Sprintf(format, args...))
}

// block writes a directive with others in it.
func (w *writer) block(head string, body func()) {
	w.line("%s {", head)
	w.depth++
	body()
	w.depth--
	w.line("}")
}

// exact is the location of one path.
func (w *writer) exact(path string, body func()) { w.block(`location = "`+path+`"`, body) }

// matching is the location of paths that a prefix, as it is, and a pattern match.
func (w *writer) matching(prefix, pattern string, body func()) {
	w.block(`location ~ "^`+regexp.QuoteMeta(prefix)+pattern+`$"`, body)
}

// apiVersion is what clients of old look for before they trust a registry.
const apiVersion = "add_header Docker-Distribution-Api-Version registry/2.0 always;"

// readOnly refuses other methods where nginx would answer any.
func (w *writer) readOnly() {
	w.line(`if ($request_method !~ "^(?:GET|HEAD)$") {`)
	w.line(`    return 405;`)
	w.line(`}`)
}

// answer answers with a text.
func (w *writer) answer(status int, data []byte) {
	words := quoteJSON(data)
	if len(words) == 1 {
		w.line("return %d %s;", status, words[0])
		return
	}
	w.line("set $solution_answer %s;", words[0])
	for _, word := range words[1:] {
		w.line(`set $solution_answer "${solution_answer}%s;`, word[1:])
	}
	w.line("return %d $solution_answer;", status)
}
