// SPDX-License-Identifier: Apache-2.0

// Package util is what the plugins' commands share: how they ask, tell how far
// they are, and reach cluster and bootstrap node.
package util

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

// Status tells what a command is doing: on a terminal in one line that
// changes, elsewhere in one line a step.
type Status struct {
	w        io.Writer
	terminal bool
	width    int
	step     string
	drawn    time.Time
	// began and from are when the first progress of the step came, and what it was.
	began time.Time
	from  int64
}

// NewStatus returns a Status that writes to w.
func NewStatus(w io.Writer) *Status {
	s := &Status{w: w, width: 80}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = true
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			s.width = width
		}
	}
	return s
}

// Step begins a step.
func (s *Status) Step(format string, args ...any) {
	step := strings.ReplaceAll(cli.Printable(fmt.Sprintf(format, args...)), "\n", " ")
	if step == s.step {
		return
	}
	s.step, s.began = step, time.Time{}
	if s.terminal {
		s.draw(step, "")
		return
	}
	fmt.Fprintln(s.w, step)
}

// Note says something that stays to be read.
func (s *Status) Note(format string, args ...any) {
	s.Clear()
	fmt.Fprintln(s.w, cli.Printable(fmt.Sprintf(format, args...)))
}

// IsTerminal says that a person can be asked on the terminal.
func (s *Status) IsTerminal() bool { return s.terminal }

// Progress is told how far the helper is.
func (s *Status) Progress(p protocol.Progress) {
	s.Step("%s", p.Step)
	if !s.terminal || p.Total <= 0 || (time.Since(s.drawn) < 100*time.Millisecond && p.Done < p.Total) {
		return
	}
	now := time.Now()
	if s.began.IsZero() {
		s.began, s.from = now, p.Done
	}
	s.draw(s.step, fmt.Sprintf("  %d%% of %s%s", p.Done*100/p.Total, printers.Size(p.Total), speed(p, p.Done-s.from, now.Sub(s.began))))
}

// speed tells how fast a step is, and how long it will go on, once both can be
// told.
func speed(p protocol.Progress, done int64, took time.Duration) string {
	if took < time.Second || done <= 0 {
		return ""
	}
	rate := float64(done) / took.Seconds()
	text := fmt.Sprintf(", %s/s", printers.Size(int64(rate)))
	if p.Done >= p.Total {
		return text
	}
	left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
	return text + ", " + left.Round(time.Second).String() + " left"
}

// Observe is told what an object is waiting for.
func (s *Status) Observe(object, message string) { s.Step("%s: %s", object, message) }

// Clear takes the line away, before something else is written.
func (s *Status) Clear() {
	if s.terminal && s.step != "" {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
	s.step = ""
}

// draw writes the line. What is too long of the step is left out.
func (s *Status) draw(step, rest string) {
	room := max(1, s.width-1-len([]rune(rest)))
	if runes := []rune(step); len(runes) > room {
		step = string(runes[:room-1]) + "…"
	}
	s.drawn = time.Now()
	fmt.Fprintf(s.w, "\r\x1b[K%s%s", step, rest)
}
