// SPDX-License-Identifier: Apache-2.0

// Package mount mounts archives below /srv/scality of this machine, each in the
// folder that is named by its id: read-only, without devices and set-user-ID
// programs. Nothing needs it to serve images.
//
// What is mounted is read from the kernel every time, and compared with what is
// to be: so whatever was interrupted, or undone by others, is repaired by doing
// the same again. Where systemd runs, each mount is a unit, which mounts it
// after the next start of the machine too. The file system of FUSE is that of
// package isofuse, in a process of its own for each mount.
package mount

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Mode is how archives are mounted.
type Mode string

// The modes. Kernel is a loop device and the kernel's own iso9660; FUSE is a
// file system of this project.
const (
	None   Mode = "none"
	Kernel Mode = "kernel"
	FUSE   Mode = "fuse"
)

// Validate refuses what is no mode.
func (m Mode) Validate() error {
	switch m {
	case None, Kernel, FUSE:
		return nil
	}
	return hint.With(fmt.Errorf("%q is no way to mount archives", string(m)), "it is one of none, kernel and fuse")
}

const (
	// FUSEType is the type of FUSE mounts, in the kernel's list of mounts.
	FUSEType = "fuse.solution-bootstrap"
	// HelperName is the program that mount(8) looks for, in /sbin, to mount
	// something of FUSEType.
	HelperName = "mount." + FUSEType
	// StateAttribute is an extended attribute of the root of a FUSE mount: the
	// verified.State, as JSON, of the archive when it was mounted.
	StateAttribute = "user.solution-bootstrap.state"
	// kernelType is the type of kernel mounts.
	kernelType = "iso9660"
	// options are those of every mount.
	options = "ro,nosuid,nodev"
)

// Archive is an archive to be mounted, at the folder that is named by its id.
type Archive struct {
	ID string
	// Path is absolute.
	Path string
}

// validate refuses an archive whose id is no name of a folder, or whose path
// could be taken for something else on its way through the kernel or systemd.
func (a Archive) validate() error {
	if a.ID == "" || a.ID == "." || a.ID == ".." || len(a.ID) > 255 || strings.ContainsFunc(a.ID, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) {
		return fmt.Errorf("id %q of %s cannot be the name of a folder", a.ID, a.Path)
	}
	if !filepath.IsAbs(a.Path) || strings.ContainsFunc(a.Path, unicode.IsControl) {
		return fmt.Errorf("%q is no absolute path without control characters", a.Path)
	}
	return nil
}

// base is the folder that has the mounts, below root.
func base(root string) string { return filepath.Join(root, "srv", "scality") }

// Action is what was done about a mount.
type Action string

// Actions on mounts.
const (
	Mounted   Action = "mounted"
	Unmounted Action = "unmounted"
)

// Outcome tells what was done about one archive, or failed to be.
type Outcome struct {
	Archive
	// Dir is the folder concerned.
	Dir string
	// Action is "" where Err is set.
	Action Action
	// Notes are what people should know of it.
	Notes []string
	Err   error
}
