// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
)

// execute does the steps, or tells what they would do.
func (m *Mounts) execute(ctx context.Context, steps []step, dryRun bool) []Outcome {
	var outcomes []Outcome
	for _, s := range steps {
		o := Outcome{Archive: s.archive, Dir: filepath.Join(m.base, filepath.Base(s.place.dir)), Action: Unmounted, Err: s.err}
		o.ID = filepath.Base(s.place.dir)
		if s.archive.ID != "" {
			o.Action = Mounted
		}
		if s.err == nil && !dryRun {
			o.Notes, o.Err = m.do(ctx, s)
		}
		if o.Err != nil {
			o.Action = ""
		}
		outcomes = append(outcomes, o)
	}
	if m.systemd != nil && m.Mode != FUSE && !dryRun {
		m.systemd.unlinkHelper()
	}
	return outcomes
}

// do does one step.
func (m *Mounts) do(ctx context.Context, s step) (notes []string, err error) {
	dir := s.place.dir
	if s.undo {
		busy, err := m.unmount(ctx, s.place)
		if err != nil {
			return nil, err
		}
		if busy {
			notes = append(notes, fmt.Sprintf("%s is in use: it is taken away from there, and ends when the last one who has it open has ended", dir))
		}
	}
	if s.forget {
		return notes, m.forget(ctx, s.place)
	}
	if s.unit != "" {
		if err := m.systemd.install(ctx, dir, s.unit, m.Mode); err != nil {
			return notes, err
		}
	}
	if !s.mount {
		return append(notes, "it was mounted already, and will be after the machine's next start too"), nil
	}
	if m.systemd == nil {
		notes = append(notes, "systemd does not run here, so it is mounted until the machine stops; after that, kubectl solution sync mounts it again")
	}
	return notes, m.mount(ctx, s.archive, dir)
}

// mount mounts an archive where nothing is mounted.
func (m *Mounts) mount(ctx context.Context, a Archive, dir string) error {
	if err := atomicfile.MakeFolder(dir); err != nil {
		return err
	}
	err := m.mountAt(ctx, a, dir)
	if err == nil {
		err = m.check(a, dir)
	}
	if err != nil {
		_ = os.Remove(dir) // where it is empty, as it was before
	}
	return err
}

func (m *Mounts) mountAt(ctx context.Context, a Archive, dir string) error {
	switch {
	case m.systemd != nil:
		return m.systemd.start(ctx, dir)
	case m.Mode == Kernel:
		return mountLoop(a.Path, dir, m.kernelType)
	}
	return StartServing(ctx, Serving{Archive: a.Path, Dir: dir}, m.locked)
}

// check looks whether what was mounted can be seen.
func (m *Mounts) check(a Archive, dir string) error {
	places, err := m.places(filepath.Dir(dir), []string{dir}, []string{a.Path})
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.dir == dir && p.holds(a) {
			return nil
		}
	}
	return fmt.Errorf("%s was mounted at %s, and cannot be seen there: the helper may have a mount namespace of its own", a.Path, dir)
}

// unmount takes away all mounts of ours that are seen at a place, and tells
// whether they were in use.
func (m *Mounts) unmount(ctx context.Context, p place) (busy bool, err error) {
	top, _ := p.top()
	if top.hung {
		abort(top)
	}
	var stopErr error
	if m.systemd != nil {
		// systemd is told first, so that it does not think it mounted when it
		// is to mount again. To mark a mount as expired fails with EBUSY, and
		// changes nothing, where it is in use.
		busy = errors.Is(unix.Unmount(p.dir, unix.MNT_EXPIRE|unix.UMOUNT_NOFOLLOW), unix.EBUSY)
		stopErr = m.systemd.stop(ctx, p.dir)
	}
	for range p.layers {
		at, mounted, err := At(p.dir)
		if err != nil {
			return busy, err
		}
		if !mounted || !slices.ContainsFunc(p.layers, func(l layer) bool { return l.ours && l.Device == at.Device }) {
			break
		}
		err = unix.Unmount(p.dir, unix.UMOUNT_NOFOLLOW)
		if errors.Is(err, unix.EBUSY) {
			busy = true
			err = unix.Unmount(p.dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		if err != nil {
			return busy, fmt.Errorf("unmounting %s: %w", p.dir, errors.Join(err, stopErr))
		}
	}
	// Of one that hangs, whoever asked it has it in use: this process too.
	return busy && !top.hung, nil
}

// abort has a FUSE mount answer all that wait for it with an error. Where that
// cannot be asked for, they wait for its process to go on or end.
func abort(l layer) {
	if _, number, found := strings.Cut(l.Device, ":"); found && l.kind == FUSE {
		_ = os.WriteFile("/sys/fs/fuse/connections/"+number+"/abort", []byte("1"), 0)
	}
}

// forget removes a place's unit and its folder, if that is empty.
func (m *Mounts) forget(ctx context.Context, p place) error {
	if p.unit != "" || p.enabled {
		if err := m.systemd.forget(ctx, p.dir); err != nil {
			return err
		}
	}
	_ = os.Remove(p.dir)
	return nil
}
