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
