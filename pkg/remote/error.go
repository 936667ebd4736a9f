// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Reason tells how a run failed.
type Reason string

// How a run fails.
const (
	// NotFound: the program is not there, or cannot be started.
	NotFound Reason = "NotFound"
	// Exit: the agent ended by itself with an exit status that is not 0, or
	// left its output open.
	Exit Reason = "Exit"
	// Killed: a signal that this package did not send ended the agent.
	Killed Reason = "Killed"
	// Canceled: the agent was ended because the context, stdin or stdout did;
	// Err is that cause.
	Canceled Reason = "Canceled"
)

// RunError is why a Runner failed.
type RunError struct {
	// Command is what ran, quoted so that it can be pasted into a shell.
	Command string
	// Stderr is the end of what the command wrote to its standard error, at
	// most 4 KiB, valid UTF-8.
	Stderr string
	Reason Reason
	// Err is the cause.
	Err error
}

// Error returns the command, the cause and the last line of Stderr.
func (e *RunError) Error() string {
	message := fmt.Sprintf("running `%s`: %v", e.Command, e.Err)
	if line := lastLine(e.Stderr); line != "" {
		message += ": " + line
	}
	return message
}

// Unwrap returns the cause.
func (e *RunError) Unwrap() error { return e.Err }

// Hint returns what the user can do about it.
func (e *RunError) Hint() string {
	switch e.Reason {
	case NotFound:
		return "run this on the bootstrap node, with solution-bootstrap installed on the PATH or beside this program"
	case Killed:
		return "see the system's log (journalctl -k) for what ended it, such as a lack of memory; then run the command again"
	case Canceled:
		return "run the command again: it goes on from where it was"
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

// quote returns words as a POSIX shell reads them.
func quote(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		if !safePattern.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted = append(quoted, word)
	}
	return strings.Join(quoted, " ")
}
