// SPDX-License-Identifier: Apache-2.0

// Package util is what the plugins' commands share: how they ask, tell how far
// they are, and reach cluster and bootstrap node.
package util

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/metalk8s/kubectl-solution/pkg/bootstrap"
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
	step := fmt.Sprintf(format, args...)
	if step == s.step {
		return
	}
	s.step = step
	if s.terminal {
		s.draw(step)
		return
	}
	fmt.Fprintln(s.w, step)
}

// Progress is told how far the helper is.
func (s *Status) Progress(p bootstrap.Progress) {
	s.Step("%s", p.Step)
	if !s.terminal || p.Total <= 0 || (time.Since(s.drawn) < 100*time.Millisecond && p.Done < p.Total) {
		return
	}
	s.draw(fmt.Sprintf("%s  %d%% of %s", p.Step, p.Done*100/p.Total, printers.Size(p.Total)))
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

func (s *Status) draw(line string) {
	if runes := []rune(line); len(runes) > s.width-1 {
		line = string(runes[:s.width-2]) + "…"
	}
	s.drawn = time.Now()
	fmt.Fprintf(s.w, "\r\x1b[K%s", line)
}
