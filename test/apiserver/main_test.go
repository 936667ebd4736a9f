// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// tests stands in for *testing.M.
type tests func() int

func (f tests) Run() int { return f() }

func TestProcessHasOneServer(t *testing.T) {
	started, stopped := 0, 0
	p := newProcess(func(context.Context) (*Server, error) {
		started++
		return &Server{stop: func() error { stopped++; return nil }}, nil
	})
	status := p.main(tests(func() int {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := p.get(t.Context(), t.Output()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if stopped != 0 {
			t.Error("stopped before the tests ended")
		}
		return 7
	}), t.Output())
	if status != 7 || started != 1 || stopped != 1 {
		t.Errorf("exit status %d, %d starts, %d stops; want 7, 1, 1", status, started, stopped)
	}
}

func TestProcessStartsNothingUnasked(t *testing.T) {
	p := newProcess(func(context.Context) (*Server, error) { return nil, errors.New("started") })
	if status := p.main(tests(func() int { return 0 }), t.Output()); status != 0 || p.tried {
		t.Errorf("exit status %d, tried %v", status, p.tried)
	}
}

func TestProcessSaysOnceWhatIsMissing(t *testing.T) {
	p := newProcess(func(context.Context) (*Server, error) { return nil, fmt.Errorf("%w: gone", ErrNone) })
	var stderr bytes.Buffer
	p.main(tests(func() int {
		for range 3 {
			if _, err := p.get(t.Context(), &stderr); !errors.Is(err, ErrNone) {
				t.Errorf("got %v", err)
			}
		}
		return 0
	}), &stderr)
	if got := strings.Count(stderr.String(), "NOT TESTED: no API server to test against: gone"); got != 1 {
		t.Errorf("said %d times:\n%s", got, &stderr)
	}
	if !strings.Contains(stderr.String(), "make cluster") {
		t.Errorf("without a remedy:\n%s", &stderr)
	}
}

func TestProcessFailsWhenTheServerDoesNotStop(t *testing.T) {
	p := newProcess(func(context.Context) (*Server, error) {
		return &Server{stop: func() error { return errors.New("stuck") }}, nil
	})
	var stderr bytes.Buffer
	status := p.main(tests(func() int {
		_, err := p.get(t.Context(), &stderr)
		if err != nil {
			t.Error(err)
		}
		return 0
	}), &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "stuck") {
		t.Errorf("exit status %d, said %q", status, &stderr)
	}
}

// A server started outside of Main would not be stopped by anybody.
func TestNeedOutsideOfMain(t *testing.T) {
	p := newProcess(func(context.Context) (*Server, error) { return &Server{}, nil })
	if _, err := p.get(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), "TestMain") {
		t.Errorf("got %v", err)
	}
}

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	ctx    context.Context
	ending string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Skipf(string, ...any)     { r.ending = "skipped" }
func (r *recorder) Fatalf(string, ...any)    { r.ending = "failed" }

func TestWithoutServerCIFails(t *testing.T) {
	failing := func(err error) *process {
		p := newProcess(func(context.Context) (*Server, error) { return nil, err })
		p.inMain = true
		return p
	}
	none, broken := fmt.Errorf("%w: gone", ErrNone), errors.New("broken")
	for _, tt := range []struct {
		ci   string
		err  error
		want string
	}{
		{"", none, "skipped"},
		{"false", none, "skipped"},
		{"true", none, "failed"},
		{"", broken, "failed"},
		{"true", broken, "failed"},
	} {
		t.Setenv("CI", tt.ci)
		r := &recorder{ctx: t.Context()}
		failing(tt.err).need(r, t.Output())
		if r.ending != tt.want {
			t.Errorf("CI=%s, %v: %s, want %s", tt.ci, tt.err, r.ending, tt.want)
		}
	}
}
