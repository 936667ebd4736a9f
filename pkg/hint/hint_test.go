// SPDX-License-Identifier: Apache-2.0

package hint_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestWith(t *testing.T) {
	cause := fmt.Errorf("opening: %w", fs.ErrNotExist)
	inner := hint.With(cause, "run %s", "this")
	wrapped := fmt.Errorf("importing: %w", inner)
	outer := hint.With(wrapped, "or that")
	if got := hint.Of(outer); got != "run this" {
		t.Errorf("the hint nearest to the cause is lost: %q", got)
	}
	if got, want := outer.Error(), "importing: opening: file does not exist"; got != want {
		t.Errorf("text = %q, want %q: the hint is no part of it", got, want)
	}
	if !errors.Is(outer, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if hint.With(nil, "x") != nil || hint.Of(nil) != "" || hint.Of(cause) != "" {
		t.Error("there is a hint where none was given")
	}
}

func TestThen(t *testing.T) {
	cause := errors.New("gone")
	if got := hint.Of(hint.Then(cause, "run %s", "this")); got != "run this" {
		t.Errorf("%q", got)
	}
	err := hint.Then(fmt.Errorf("half done: %w", hint.With(cause, "first that")), "run %s", "this")
	if got := hint.Of(err); got != "first that; then run this" || !errors.Is(err, cause) || err.Error() != "half done: gone" {
		t.Errorf("%q of %v", got, err)
	}
	if hint.Then(nil, "x") != nil {
		t.Error("an error out of nothing")
	}
}
