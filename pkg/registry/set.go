// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// retryInterval is how long a file that could not be served is left alone, as
// long as it stays as it is.
const retryInterval = 5 * time.Second

// Set is the archives that are served. Update changes which; a request that
// began before finishes with what it began with.
type Set struct {
	log     *slog.Logger
	checks  checks
	current atomic.Pointer[state]

	mu      sync.Mutex // of Update
	entries map[string]*entry
}

// entry is one path of the configuration.
type entry struct {
	archive  *opened // nil where there is none to serve
	checking *check  // of what is to be served next, nil for none
	err      error   // nil where the path holds what is served
	// tried is the state of the file that err is about, which until retry is
	// not looked into again.
	tried identity
	retry time.Time
}

// state is what is served at one time. It never changes.
type state struct {
	// archives are in the order of the configuration.
	archives     []*opened
	byID         map[string]*opened
	checking     map[string]bool // ids that will be served if they pass
	repositories []string        // sorted
	problems     []Problem
}

// Problem is an archive, or the configuration, that cannot be used.
type Problem struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// NewSet returns an empty Set, which tells log what comes and goes.
func NewSet(log *slog.Logger) *Set {
	s := &Set{log: log, entries: map[string]*entry{}}
	s.current.Store(&state{})
	return s
}

// Update makes the archives at paths, in this order, those that are served.
// Files that are served already and have not changed are only looked at; one
// that changed is opened again. A path that cannot be opened is a Problem, and
// leaves the others alone; if an archive was served from there and is whole,
// because its file was removed or replaced, it stays. Of archives that hold the
// same version of a Solution the first is served. Update reports whether
// what is served has changed.
func (s *Set) Update(paths []string) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current.Load()
	var unused []*opened
	next := map[string]*entry{}
	for _, path := range paths {
		path = filepath.Clean(path)
		if next[path] != nil {
			continue
		}
		e := s.entries[path]
		if e == nil {
			e = &entry{}
		}
		if old := s.refresh(path, e); old != nil {
			unused = append(unused, old)
		}
		next[path] = e
	}
	for path, e := range s.entries {
		if next[path] != nil {
			continue
		}
		e.abandon()
		if e.archive != nil {
			s.log.Info("no longer served", "id", e.archive.id, "archive", path)
			unused = append(unused, e.archive)
		}
	}
	s.entries = next
	after := newState(paths, next)
	if changed = !slices.Equal(before.archives, after.archives); changed {
		after.repositories = repositoriesOf(after.archives)
	} else {
		after.repositories = before.repositories
	}
	s.current.Store(after)
	for _, o := range unused {
		o.release()
	}
	return changed
}

// Close lets go of all archives.
func (s *Set) Close() {
	s.Update(nil)
	s.checks.running.Wait()
}

// refresh opens what is at path, unless that is done. It returns the archive
// that is replaced by it, nil for none.
func (s *Set) refresh(path string, e *entry) *opened {
	now, err := identityAt(path)
	if e.checking != nil && (err != nil || e.checking.archive.identity != now) {
		e.abandon()
	}
	switch {
	case err != nil:
		s.fail(path, e, fmt.Errorf("opening %s: %w", path, cause(err)))
		return nil
	case e.archive != nil && e.archive.identity == now && e.archive.check() == nil:
		e.err = nil
		return nil
	case e.checking != nil:
		return s.conclude(path, e)
	case e.err != nil && e.tried == now && time.Now().Before(e.retry):
		return nil
	}
	o, err := open(path, s.log)
	switch {
	case err != nil:
		s.fail(path, e, err)
		e.tried, e.retry = now, time.Now().Add(retryInterval)
		return nil
	case !s.checks.passed(path, o.state):
		s.log.Info("checking, since it is not known to be whole", "id", o.id, "archive", path, "bytes", o.identity.size)
		e.checking = s.checks.start(o)
		e.err = errChecking
		return nil
	}
	return s.serve(path, e, o)
}

// serve has an entry serve o. It returns what it served before.
func (s *Set) serve(path string, e *entry, o *opened) *opened {
	s.log.Info("serving", "id", o.id, "archive", path, "images", len(o.images))
	for _, err := range o.skipped {
		s.log.Warn("not served", "archive", path, "error", err)
	}
	if !isName(o.id) {
		s.log.Warn("nothing of it can be pulled: its id cannot be a part of an image reference", "archive", path, "id", o.id)
	}
	old := e.archive
	e.archive, e.err = o, nil
	return old
}

// fail notes a problem, and tells the log of it once.
func (s *Set) fail(path string, e *entry, err error) {
	if e.err == nil || e.err.Error() != err.Error() {
		s.log.Error("cannot be served", "archive", path, "error", err)
	}
	e.err = err
}

func newState(paths []string, entries map[string]*entry) *state {
	st := &state{byID: map[string]*opened{}, checking: map[string]bool{}}
	seen := map[string]bool{}
	for _, path := range paths {
		path = filepath.Clean(path)
		if seen[path] {
			continue
		}
		seen[path] = true
		e := entries[path]
		if e.err != nil {
			st.problems = append(st.problems, Problem{path, e.err.Error()})
		}
		if e.archive != nil {
			st.add(path, e.archive)
		}
		if e.checking != nil {
			st.checking[e.checking.archive.id] = true
		}
	}
	return st
}

func (st *state) add(path string, o *opened) {
	if first := st.byID[o.id]; first != nil {
		st.problems = append(st.problems, Problem{path, fmt.Sprintf("%s holds %s too, and is served", first.path, o.id)})
		return
	}
	st.byID[o.id] = o
	st.archives = append(st.archives, o)
}

// repositoriesOf returns the full names of all repositories that can be pulled
// from, sorted.
func repositoriesOf(archives []*opened) []string {
	most := 0
	for _, o := range archives {
		most += len(o.repositories)
	}
	names := make([]string, 0, most)
	for _, o := range archives {
		for _, repo := range o.repositories {
			if full := o.id + "/" + repo.name; isName(full) {
				names = append(names, full)
			}
		}
	}
	slices.Sort(names)
	return names
}

// acquire holds the archive with an id, nil where there is none. The caller
// releases it.
func (s *Set) acquire(id string) *opened {
	for {
		// An archive is closed only after another state took the place of its
		// last one, so this ends.
		o := s.current.Load().byID[id]
		if o == nil || o.hold() {
			return o
		}
	}
}

// Problems returns what keeps the configured archives from being served, now;
// empty where all is well.
func (s *Set) Problems() []Problem {
	st := s.current.Load()
	problems := append([]Problem{}, st.problems...)
	for _, o := range st.archives {
		known := func(p Problem) bool { return p.Path == o.path }
		if slices.ContainsFunc(problems, known) || !o.hold() {
			continue
		}
		if err := o.check(); err != nil {
			problems = append(problems, Problem{o.path, err.Error()})
		}
		o.release()
	}
	return problems
}

// cause leaves out what the message around it says.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
