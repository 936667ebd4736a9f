// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"fmt"
	"maps"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// layer is one mount at a folder. There can be several, one over the other.
type layer struct {
	Point
	// kind is how an archive is mounted, "" for what is no archive.
	kind Mode
	// ours tells that this package made it.
	ours bool
	// archive is the path of what is mounted, where that is known.
	archive string
	// sound tells that it answers, and has the archive's content of now.
	sound bool
	// hung tells that it does not answer at all.
	hung bool
}

// place is a folder below base, as it is found.
type place struct {
	dir string
	// layers are the mounts there; the last one is seen.
	layers []layer
	// unit is the text of its systemd unit, "" for none; enabled tells that
	// systemd mounts it when the machine starts.
	unit    string
	enabled bool
	// occupied tells that the folder itself is none, or has something in it.
	occupied bool
}

// top returns the mount that is seen.
func (p place) top() (layer, bool) {
	if len(p.layers) == 0 {
		return layer{}, false
	}
	return p.layers[len(p.layers)-1], true
}

// holds tells whether an archive is what is seen at the place, and is whole.
func (p place) holds(a Archive) bool {
	top, mounted := p.top()
	return mounted && top.sound && top.archive == a.Path
}

// foreign returns a mount that is not ours.
func (p place) foreign() (layer, bool) {
	i := slices.IndexFunc(p.layers, func(l layer) bool { return !l.ours })
	if i < 0 {
		return layer{}, false
	}
	return p.layers[i], true
}

// step is what is to be done at a place, in the order of its fields.
type step struct {
	place place
	// archive is what is to be there; nothing where its ID is "".
	archive Archive
	undo    bool // unmount what is there
	forget  bool // remove the unit and the folder
	unit    string
	mount   bool
	err     error // why nothing can be done
}

// planner computes steps.
type planner struct {
	mode Mode
	// unit returns the unit for an archive, "" where there are none.
	unit func(a Archive, dir string) (string, error)
	// keep are archives that cannot be read now: what is mounted of them stays.
	keep []string
}

// plan returns what is to be done so that the wanted archives, by their
// folders, are mounted and no others of ours. What is undone comes first.
func (p planner) plan(wanted map[string]Archive, places []place) []step {
	var undone, done []step
	found := map[string]bool{}
	for _, at := range places {
		found[at.dir] = true
		a, isWanted := wanted[at.dir]
		if !isWanted {
			undone = append(undone, p.leave(at)...)
			continue
		}
		done = append(done, p.fill(at, a)...)
	}
	for _, dir := range slices.Sorted(maps.Keys(wanted)) {
		if !found[dir] {
			done = append(done, p.fill(place{dir: dir}, wanted[dir])...)
		}
	}
	return append(undone, done...)
}

// leave is the step for a place where nothing of ours is to be.
func (p planner) leave(at place) []step {
	archive, isOurs := unitArchive(at.unit)
	top, mounted := at.top()
	if mounted && top.ours {
		archive = top.archive
	}
	switch {
	case slices.Contains(p.keep, archive):
		return nil
	case mounted && !top.ours:
		// Whoever mounted that, over ours or not, has it for a reason.
		if !isOurs {
			return nil
		}
		return []step{{place: at, archive: Archive{Path: archive}, forget: true}}
	case !mounted && !isOurs:
		return nil
	}
	return []step{{place: at, archive: Archive{Path: archive}, undo: mounted, forget: true}}
}

// fill is the step for a place where an archive is to be.
func (p planner) fill(at place, a Archive) []step {
	s := step{place: at, archive: a}
	top, _ := at.top()
	other, isForeign := at.foreign()
	_, hasUnit := unitArchive(at.unit)
	isRight := len(at.layers) == 1 && at.holds(a) && top.kind == p.mode && top.hasOptions()
	switch unit, err := p.newUnit(a, at.dir); {
	case err != nil:
		s.err = err
	case isForeign && at.holds(a) && (!isRight || at.unit != "" && !hasUnit):
		return nil // someone else mounts what is to be there
	case isForeign && !isRight:
		s.err = hint.With(fmt.Errorf("%s is in use: %s is mounted there (%s), and not by solution-bootstrap", at.dir, other.Source, other.Type),
			"see what it is for; once it is gone (umount %s), kubectl solution sync mounts the archive", at.dir)
	case at.unit != "" && !hasUnit:
		s.err = hint.With(fmt.Errorf("systemd has a unit for %s that is not by solution-bootstrap", at.dir),
			"systemctl cat %s shows it; once it is gone, kubectl solution sync mounts the archive", at.dir)
	case at.occupied:
		s.err = hint.With(fmt.Errorf("%s is in use: it is no empty folder", at.dir),
			"see what is in it; once it is gone, kubectl solution sync mounts the archive")
	default:
		s.undo, s.mount = !isRight && len(at.layers) > 0, !isRight
		if unit != "" && (at.unit != unit || !at.enabled) {
			s.unit = unit
		}
		if !s.mount && s.unit == "" {
			return nil
		}
	}
	return []step{s}
}

// newUnit checks an archive, and returns its unit.
func (p planner) newUnit(a Archive, dir string) (string, error) {
	if err := a.validate(); err != nil {
		return "", err
	}
	return p.unit(a, dir)
}
