// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"io/fs"
	"strings"
)

// maxHops is how many symbolic links one path may follow, as in Linux.
const maxHops = 40

var (
	errEscapes = errors.New("a symbolic link leads out of the image")
	errLoop    = errors.New("too many symbolic links")
	errNotDir  = errors.New("not a directory")
	errNoFile  = errors.New("not a regular file")
	errNoLink  = errors.New("not a symbolic link")
	errIsDir   = errors.New("is a directory")
	errMemory  = errors.New("too large for this machine's memory")
)

// lookup finds the node of a path. follow says whether a symbolic link at its
// end is followed; those before it are.
func (x *FS) lookup(op, path string, follow bool) (uint32, error) {
	if !fs.ValidPath(path) {
		return 0, &fs.PathError{Op: op, Path: path, Err: fs.ErrInvalid}
	}
	i, err := x.resolve(path, follow)
	if err != nil {
		return 0, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return i, nil
}

// resolve walks a path from the root. The directories passed are kept, so that
// a link's ".." goes back, and never above the root.
func (x *FS) resolve(rest string, follow bool) (uint32, error) {
	var room [16]uint32
	passed := append(room[:0], 0)
	for hops := 0; ; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
		case "..":
			if len(passed) == 1 {
				return 0, errEscapes
			}
			passed = passed[:len(passed)-1]
		default:
			next, err := x.step(passed[len(passed)-1], name)
			if err != nil {
				return 0, err
			}
			n := &x.nodes[next]
			if n.kind != kindLink || rest == "" && !follow {
				passed = append(passed, next)
				break
			}
			if hops++; hops > maxHops {
				return 0, errLoop
			}
			target := x.links[n.first]
			if target[0] == '/' {
				return 0, errEscapes
			}
			rest = target + "/" + rest
		}
		if rest == "" {
			return passed[len(passed)-1], nil
		}
	}
}

// step finds an entry of a directory.
func (x *FS) step(dir uint32, name string) (uint32, error) {
	d := &x.nodes[dir]
	if d.kind != kindDir {
		return 0, errNotDir
	}
	next, ok := x.child(d, name)
	if !ok {
		return 0, fs.ErrNotExist
	}
	return next, nil
}
