// SPDX-License-Identifier: Apache-2.0

// Package hint lets an error carry the remedy beside the cause: what to do, or
// the command that helps. The hint travels with the error, and is printed once,
// where errors are printed.
package hint

import (
	"errors"
	"fmt"
)

// Hinter is an error that knows its remedy.
type Hinter interface {
	error
	Hint() string
}

type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }
func (h *hinted) Hint() string  { return h.hint }

// With returns err with a remedy, nil for a nil err. An outer hint does not
// replace one that err has already: what is nearest to the cause knows best.
func With(err error, format string, args ...any) error {
	if err == nil || Of(err) != "" {
		return err
	}
	return &hinted{err: err, hint: fmt.Sprintf(format, args...)}
}

// Then returns err with what is to be done after what its hint says, or at once
// where it has none; nil for a nil err.
func Then(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	next := fmt.Sprintf(format, args...)
	if first := Of(err); first != "" {
		next = first + "; then " + next
	}
	return &hinted{err: err, hint: next}
}

// Of returns the hint that err or an error it wraps carries, "" for none.
func Of(err error) string {
	var h Hinter
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
