// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// followInterval is how often the configuration and the archives are looked
// at: half of the second in which an import is to be visible. It costs one
// system call for each.
const followInterval = 500 * time.Millisecond

// follower keeps a Set at what a SolutionsConfiguration lists.
type follower struct {
	file solutionsconfig.File
	set  *Set
	log  *slog.Logger

	read  identity // of the file as it was last read
	known bool     // read is set; false for a file that is absent, too
	paths []string
	// problem is what is wrong with the file, nil where it is fine or absent.
	problem atomic.Pointer[Problem]
}

// step looks once. A file that cannot be read or used changes nothing: what was
// served before goes on.
func (f *follower) step() {
	now, err := identityAt(f.file.Path)
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case absent:
		f.paths, f.known = nil, false
		f.note(nil)
	case err != nil:
		f.known = false
		f.note(err)
	case !f.known || f.read != now:
		// The file is asked about before it is read: what is written in
		// between is read once more.
		f.load(now)
	}
	if f.set.Update(f.paths) {
		tuneMemory()
	}
}

func (f *follower) load(now identity) {
	doc, err := f.file.Read()
	if err == nil {
		f.paths = doc.Configuration().Archives
	}
	f.read, f.known = now, true
	f.note(err)
}

// note keeps what is wrong with the file, and tells the log of it once.
func (f *follower) note(err error) {
	if err == nil {
		f.problem.Store(nil)
		return
	}
	p := &Problem{Path: f.file.Path, Error: err.Error()}
	if before := f.problem.Swap(p); before == nil || *before != *p {
		f.log.Error("the configuration cannot be used; what was served before goes on", "error", err)
	}
}

// problems are those of the configuration and of the archives.
func (f *follower) problems() []Problem {
	problems := f.set.Problems()
	if p := f.problem.Load(); p != nil {
		problems = append([]Problem{*p}, problems...)
	}
	return problems
}
