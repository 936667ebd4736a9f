// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// maxWatchedBytes bounds a file that is watched.
const maxWatchedBytes = 4 << 20

// watched is a value that is made of files, and made again when they change.
// What cannot be used changes nothing: the value before goes on.
type watched[T any] struct {
	what  string // for people
	paths []string
	parse func(contents [][]byte) (*T, error)
	log   *slog.Logger

	contents [][]byte // as they were read last
	err      error    // why they cannot be used
	value    atomic.Pointer[T]
	trouble  atomic.Pointer[Problem]
}

// watch reads files for the first time. Nothing is watched without a path: the
// result is nil then.
func watch[T any](log *slog.Logger, what string, parse func([][]byte) (*T, error), paths ...string) (*watched[T], error) {
	if paths[0] == "" {
		return nil, nil
	}
	w := &watched[T]{what: what, paths: paths, parse: parse, log: log}
	return w, w.load()
}

// get returns the value, nil where nothing is watched.
func (w *watched[T]) get() *T {
	if w == nil {
		return nil
	}
	return w.value.Load()
}

// problem is why the files cannot be used, nil if they can.
func (w *watched[T]) problem() *Problem {
	if w == nil {
		return nil
	}
	return w.trouble.Load()
}

// step looks at the files once.
func (w *watched[T]) step() {
	if w == nil {
		return
	}
	err := w.load()
	if err == nil {
		w.trouble.Store(nil)
		return
	}
	p := &Problem{Path: w.paths[0], Error: err.Error()}
	if before := w.trouble.Swap(p); before == nil || *before != *p {
		w.log.Error("cannot be used; what was there before goes on", "what", w.what, "path", p.Path, "error", err)
	}
}

// load makes the value again if the files have changed. They are small, so that
// they are read each time: a file's times are too coarse to tell two writes
// from one.
func (w *watched[T]) load() error {
	contents := make([][]byte, len(w.paths))
	for i, path := range w.paths {
		var err error
		if contents[i], err = readSmall(path); err != nil {
			return fmt.Errorf("reading the %s: %w", w.what, err)
		}
	}
	if slices.EqualFunc(contents, w.contents, bytes.Equal) {
		return w.err
	}
	value, err := w.parse(contents)
	if err != nil {
		err = fmt.Errorf("reading the %s: %s: %w", w.what, strings.Join(w.paths, " and "), err)
	} else if w.value.Swap(value) != nil {
		w.log.Info("read again", "what", w.what, "path", w.paths[0])
	}
	w.contents, w.err = contents, err
	return err
}

// readSmall reads a file that someone else may be writing to.
func readSmall(path string) (data []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, maxWatchedBytes+1))
	if err == nil && len(data) > maxWatchedBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, maxWatchedBytes)
	}
	return data, err
}

// followAll looks at what is watched again and again, until ctx ends.
func followAll(ctx context.Context, steps ...func()) {
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, step := range steps {
				step()
			}
		}
	}
}
