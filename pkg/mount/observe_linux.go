// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// At returns the mount that is seen at dir, if one is there.
func At(dir string) (Point, bool, error) {
	points, err := readTable()
	for _, p := range slices.Backward(points) {
		if p.Dir == dir {
			return p, true, err
		}
	}
	return Point{}, false, err
}

func readTable() ([]Point, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseTable(string(text))
}

// places returns what is found below base: where something is mounted, where a
// unit of ours says that something is to be, and at the given folders.
func (m *Mounts) places(base string, dirs []string, known []string) ([]place, error) {
	points, err := readTable()
	if err != nil {
		return nil, err
	}
	found := map[string]*place{}
	at := func(dir string) *place {
		if found[dir] == nil {
			found[dir] = &place{dir: dir}
		}
		return found[dir]
	}
	for _, p := range points {
		if filepath.Dir(p.Dir) == base {
			at(p.Dir).layers = append(at(p.Dir).layers, layer{Point: p})
		}
	}
	units, err := m.systemd.folders(base)
	if err != nil {
		return nil, err
	}
	for _, dir := range slices.Concat(units, dirs) {
		at(dir)
	}
	var list []place
	for _, p := range found {
		if err := m.observe(p); err != nil {
			return nil, err
		}
		list = append(list, *p)
	}
	identify(list, known, m.kernelType)
	slices.SortFunc(list, func(a, b place) int { return strings.Compare(a.dir, b.dir) })
	return list, nil
}

// observe looks at a place's unit and folder.
func (m *Mounts) observe(p *place) (err error) {
	if p.unit, p.enabled, err = m.systemd.unit(p.dir); err != nil {
		return err
	}
	if len(p.layers) > 0 {
		return nil
	}
	info, err := os.Lstat(p.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		p.occupied = true
		return nil
	}
	entries, err := os.ReadDir(p.dir)
	p.occupied = len(entries) > 0
	return err
}

// Detach takes away the FUSE mount of an archive that is seen at dir, if it is.
// Those who have files of it open keep them.
func Detach(dir, archive string) error {
	at, found, err := At(dir)
	if err != nil || !found || at.Type != FUSEType || at.Source != archive {
		return err
	}
	return unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
}
