// SPDX-License-Identifier: Apache-2.0

// Package installer puts the files of a service in place, removes them, and has
// systemd know. Everything is looked at before anything is changed, and every
// step can be repeated.
package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/metalk8s/kubectl-solution/pkg/atomicfile"
	"github.com/metalk8s/kubectl-solution/pkg/service"
)

// Action is what becomes, or would become, of a file.
type Action string

// What becomes of files.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Kept      Action = "kept"
	Removed   Action = "removed"
)

// Change is a file and what becomes of it.
type Change struct {
	Action Action
	// File has no content where it is removed.
	File service.File
}

// Installer works on the files below a root, "/" for this machine's own.
type Installer struct {
	Root string
	// Systemctl runs systemctl with these arguments. It is nil where systemd
	// does not run, or not on this root; what should be run is then left to
	// people, and Commands tells it.
	Systemctl func(ctx context.Context, arguments ...string) error
}

// Apply makes the changes of a plan, and has systemd know.
func (i Installer) Apply(ctx context.Context, changes []Change) error {
	before, after := Commands(changes)
	if err := i.run(ctx, before); err != nil {
		return err
	}
	for _, c := range changes {
		if err := i.apply(c); err != nil {
			return err
		}
	}
	return i.run(ctx, after)
}

func (i Installer) run(ctx context.Context, commands [][]string) error {
	if i.Systemctl == nil {
		return nil
	}
	for _, arguments := range commands {
		if err := i.Systemctl(ctx, arguments...); err != nil {
			return err
		}
	}
	return nil
}

// apply makes one change.
func (i Installer) apply(c Change) error {
	path := i.at(c.File.Path)
	switch c.Action {
	case Created, Updated:
		if err := atomicfile.Write(path, []byte(c.File.Content), nil); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	case Removed:
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !c.File.Kept {
			return nil
		}
		// The configuration's folder, if it was alone there.
		if err := os.Remove(filepath.Dir(path)); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	case Unchanged, Kept:
	}
	return nil
}

// at returns where a path is, below the root.
func (i Installer) at(path string) string { return filepath.Join(i.Root, path) }
