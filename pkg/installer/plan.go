// SPDX-License-Identifier: Apache-2.0

package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/service"
)

// PlanInstall returns what has to be done for these files to be in place, and
// no others of an installation. Its errors are reasons not to.
func (i Installer) PlanInstall(files []service.File) ([]Change, error) {
	var changes []Change
	for _, f := range files {
		action, err := i.write(f)
		if err != nil {
			return nil, err
		}
		changes = append(changes, Change{action, f})
	}
	for _, path := range service.Places() {
		if slices.ContainsFunc(files, func(f service.File) bool { return f.Path == path }) {
			continue
		}
		ours, err := i.isOurs(path)
		if err != nil {
			return nil, err
		}
		if ours {
			changes = append(changes, removal(path))
		}
	}
	return changes, i.check(changes)
}

// write returns what to do for a file to be there.
func (i Installer) write(f service.File) (Action, error) {
	text, err := i.read(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Created, nil
	case err != nil:
		return "", err
	case text == f.Content:
		return Unchanged, nil
	case f.Kept:
		return Kept, nil
	case !isOurs(text):
		return "", hint.With(fmt.Errorf("%s is not of solution-bootstrap install: it begins with another line", i.at(f.Path)),
			"move it away, and run the command again")
	}
	return Updated, nil
}

// PlanUninstall returns what has to be done for an installation to be gone. The
// configuration at a path stays if it was changed, unless it is purged too.
// Files that are not ours are no part of it.
func (i Installer) PlanUninstall(configuration string, purge bool) ([]Change, error) {
	var changes []Change
	for _, path := range service.Places() {
		ours, err := i.isOurs(path)
		if err != nil {
			return nil, err
		}
		if ours {
			changes = append(changes, removal(path))
		}
	}
	// systemctl has removed them where systemd runs.
	for _, path := range service.Links() {
		if info, err := os.Lstat(i.at(path)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			changes = append(changes, removal(path))
		}
	}
	text, err := i.read(configuration)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case purge || text == service.ConfigurationText():
		changes = append(changes, Change{Removed, service.File{Path: configuration, Kept: true}})
	default:
		changes = append(changes, Change{Kept, service.File{Path: configuration, Kept: true}})
	}
	return changes, i.check(changes)
}

func removal(path string) Change {
	return Change{Removed, service.File{Path: path, Unit: service.UnitOf(path)}}
}

// Commands returns the arguments with which systemctl has to be run before the
// changes of a plan, and after them. Where a unit changes all are stopped: a
// socket is not given up while its service runs.
func Commands(changes []Change) (before, after [][]string) {
	var there, gone, wanted []string
	changed := false
	for _, c := range changes {
		if c.File.Unit == "" {
			continue
		}
		changed = changed || c.Action == Updated || c.Action == Removed
		if c.Action != Created {
			there = append(there, c.File.Unit)
		}
		if c.Action == Removed {
			gone = append(gone, c.File.Unit)
		} else {
			wanted = append(wanted, c.File.Unit)
		}
	}
	add := func(list [][]string, units []string, arguments ...string) [][]string {
		if len(units) == 0 {
			return list
		}
		return append(list, append(arguments, units...))
	}
	if changed {
		before = add(before, there, "stop")
	}
	before = add(before, gone, "disable")
	if len(wanted)+len(gone) > 0 {
		after = append(after, []string{"daemon-reload"})
	}
	return before, add(after, wanted, "enable", "--now")
}

func (i Installer) read(path string) (string, error) {
	data, err := os.ReadFile(i.at(path))
	return string(data), err
}

func (i Installer) isOurs(path string) (bool, error) {
	text, err := i.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return isOurs(text), err
}

func isOurs(text string) bool { return strings.HasPrefix(text, service.Marker+"\n") }
