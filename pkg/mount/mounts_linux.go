// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// Mounts are the mounts of this machine's archives.
type Mounts struct {
	// Mode is how archives are to be mounted.
	Mode Mode

	base       string // the folder that has the mounts
	kernelType string
	systemd    *systemd
	locked     *os.File // while mounts change
}

// New returns the mounts below root, which is "/" except where a node is only a
// folder: systemd takes no part in these.
func New(root string, mode Mode) *Mounts {
	return &Mounts{Mode: mode, base: base(root), kernelType: kernelType, systemd: findSystemd(root)}
}

// realPath resolves symbolic links in what there is of a path.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, os.ErrNotExist) {
		return real, err
	}
	parent, err := realPath(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}

// Dirs returns where archives are mounted, in their order: "" for one that is
// not, or whose mount does not answer or has another content than the file has
// now. It takes no rights.
func (m *Mounts) Dirs(archives []Archive) ([]string, error) {
	dirs := make([]string, len(archives))
	real, err := realPath(m.base)
	if err != nil {
		return dirs, err
	}
	places, err := m.places(real, nil, paths(archives))
	if err != nil {
		return dirs, err
	}
	for i, a := range archives {
		for _, p := range places {
			if p.dir == filepath.Join(real, a.ID) && a.validate() == nil && p.holds(a) {
				dirs[i] = filepath.Join(m.base, a.ID)
			}
		}
	}
	return dirs, nil
}

func paths(archives []Archive) []string {
	var list []string
	for _, a := range archives {
		list = append(list, a.Path)
	}
	return list
}

// Reconcile mounts the archives that are to be, the first of each id, and
// unmounts all others that this package has mounted; what is mounted of the
// paths to keep stays. It tells what it did, one outcome for each archive where
// there was something to do; with dryRun it tells what that would be. The error
// says why nothing can be done on this machine at all.
func (m *Mounts) Reconcile(ctx context.Context, archives []Archive, keep []string, dryRun bool) ([]Outcome, error) {
	if m.Mode == None {
		archives, keep = nil, nil
	}
	steps, unable, err := m.plan(archives, keep)
	if err != nil {
		return nil, err
	}
	isWork := slices.ContainsFunc(steps, func(s step) bool { return s.err == nil })
	if isWork {
		if err := mayMount(); err != nil {
			return nil, err
		}
	}
	if dryRun || !isWork {
		return m.execute(ctx, steps, true), unable
	}
	// What was begun by a process that was killed is done when this returns.
	if m.locked, err = lock(ctx, m.base); err != nil {
		return nil, err
	}
	steps, unable, err = m.plan(archives, keep)
	outcomes := m.execute(ctx, steps, false)
	return outcomes, errors.Join(unable, err, m.locked.Close())
}

// Remove unmounts all that this package has mounted, and removes what mount(8)
// finds this program by. What it tells is as of Reconcile.
func (m *Mounts) Remove(ctx context.Context, dryRun bool) ([]Outcome, error) {
	none := &Mounts{Mode: None, base: m.base, kernelType: m.kernelType, systemd: m.systemd}
	outcomes, err := none.Reconcile(ctx, nil, nil, dryRun)
	if err == nil && !dryRun && m.systemd != nil {
		m.systemd.unlinkHelper()
	}
	return outcomes, err
}

// plan looks at what is there, and returns what is to be done, and why some of
// it cannot be done on this machine: then it is left out, so that nothing is
// undone that could not be made again.
func (m *Mounts) plan(archives []Archive, keep []string) (steps []step, unable, err error) {
	if steps, err = m.planAll(archives, keep); err != nil {
		return nil, nil, err
	}
	mounts := func(s step) bool { return s.mount }
	if slices.ContainsFunc(steps, mounts) {
		if unable = m.canMount(); unable != nil {
			steps = slices.DeleteFunc(steps, mounts)
		}
	}
	return steps, unable, nil
}

func (m *Mounts) planAll(archives []Archive, keep []string) ([]step, error) {
	real, err := realPath(m.base)
	if err != nil {
		return nil, err
	}
	wanted := map[string]Archive{}
	var dirs []string
	for _, a := range archives {
		dir := filepath.Join(real, a.ID)
		if _, found := wanted[dir]; !found {
			wanted[dir], dirs = a, append(dirs, dir)
		}
	}
	places, err := m.places(real, dirs, append(paths(archives), keep...))
	if err != nil {
		return nil, err
	}
	p := planner{mode: m.Mode, keep: keep, unit: func(a Archive, dir string) (string, error) { return m.systemd.newUnit(a, dir, m.Mode) }}
	return p.plan(wanted, places), nil
}
