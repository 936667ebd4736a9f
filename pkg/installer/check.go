// SPDX-License-Identifier: Apache-2.0

package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// check returns why changes cannot be made.
func (i Installer) check(changes []Change) error {
	for _, c := range changes {
		if c.Action == Unchanged || c.Action == Kept {
			continue
		}
		if err := i.checkPath(i.at(c.File.Path)); err != nil {
			return err
		}
	}
	return nil
}

// checkPath refuses what cannot be written, and what leads out of the root.
func (i Installer) checkPath(path string) error {
	existing, real, err := nearest(path)
	if err != nil {
		return err
	}
	folder := real
	if existing == path {
		folder = filepath.Dir(real)
	}
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return hint.With(fmt.Errorf("writing %s: %w", path, &os.PathError{Op: "access", Path: folder, Err: err}),
			"run the command as root")
	}
	_, root, err := nearest(i.Root)
	if err == nil && !strings.HasPrefix(real+"/", strings.TrimSuffix(root, "/")+"/") {
		err = fmt.Errorf("writing %s: %s leads out of %s, to %s", path, existing, i.Root, real)
	}
	return err
}

// nearest returns what there is of a path, and where that is without symbolic
// links.
func nearest(path string) (existing, real string, err error) {
	for {
		real, err = filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return path, real, err
		}
		path = filepath.Dir(path)
	}
}

// CheckProgram refuses a program that others than root could replace: the
// service has the right to read every file.
func CheckProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is no program", path)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, f := range []fs.FileInfo{info, folder} {
		if s, ok := f.Sys().(*syscall.Stat_t); !ok || s.Uid != 0 || f.Mode()&0o022 != 0 {
			return hint.With(fmt.Errorf("%s, or its folder, can be changed by others than root", path),
				"copy it to /usr/local/bin, and run the command from there")
		}
	}
	return nil
}
