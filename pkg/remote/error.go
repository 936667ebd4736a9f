// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// RunError is why a Runner failed.
type RunError struct {
	// Command is what ran, quoted so that it can be pasted into a shell, "" where
	// that is not known.
	Command string
	// Script is what the command, a shell, was given to run, "" for none.
	Script Script
	// Stderr is the end of what the command wrote to its standard error, at
	// most 4 KiB, valid UTF-8.
	Stderr string
	Reason Reason
	// Err is the cause.
	Err error
	// Advice is what the user can do about it, where more is known than the
	// Reason.
	Advice string
}

// Error returns the command, the cause and the last line of Stderr.
func (e *RunError) Error() string {
	message := e.Err.Error()
	switch {
	case e.Script != "":
		message = fmt.Sprintf("running the script %s by `%s`: %s", e.Script, e.Command, message)
	case e.Command != "":
		message = fmt.Sprintf("running `%s`: %s", e.Command, message)
	}
	if line := lastLine(e.Stderr); line != "" {
		message += ": " + line
	}
	return message
}

// Unwrap returns the cause.
func (e *RunError) Unwrap() error { return e.Err }

// Hint returns what the user can do about it.
func (e *RunError) Hint() string {
	switch {
	case e.Advice != "":
		return e.Advice
	case e.Reason == Killed:
		return "see the system's log (journalctl -k) for what ended it, such as a lack of memory; then run the command again"
	case e.Script != "" && (e.Reason == Lost || e.Reason == Canceled):
		return "run the command again: what was done already is left as it is"
	case e.Reason == Lost, e.Reason == Canceled:
		return "run the command again: it goes on from where it was"
	case e.Command == "":
		return "" // there is nothing to try
	case e.Script != "":
		return "to see whether a shell runs there at all, run: " + e.Command + " -c id"
	}
	return "to see whether the helper works at all, run: " + e.Command + " </dev/null"
}

// maxLine bounds what Error tells of Stderr, in characters.
const maxLine = 300

// lastLine returns the last line of text that is not blank, without what a
// terminal would act on.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	line := []rune(strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]))
	if len(line) > maxLine {
		line = append(line[:maxLine], '…')
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(line))
}

// safePattern holds words that a shell takes as they are; with a "=", a first
// word would be a variable's.
var safePattern = regexp.MustCompile(`^(?:[A-Za-z0-9_@%+:,./-]+|-[A-Za-z0-9_@%+=:,./-]+)$`)

// Quote returns words as a POSIX shell reads them, for people to paste.
func Quote(words ...string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		if !safePattern.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}
