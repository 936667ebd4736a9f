// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"fmt"
	"strconv"
	"strings"
)

// unitMark begins the units that are ours; the archive's path follows, quoted.
const unitMark = "# solution-bootstrap writes, replaces and removes this file. Archive: "

// unitTemplate needs no target of the system's start: an archive may be on a
// file system of the network, and a machine starts without its archives too.
// systemd adds that the file systems of What and Where come before.
const unitTemplate = unitMark + `%s
[Unit]
Description=Solution archive %s
StartLimitIntervalSec=0
DefaultDependencies=no
After=local-fs.target
Conflicts=umount.target
Before=umount.target

[Mount]
What=%s
Where=%s
Type=%s
Options=%s
LazyUnmount=yes

[Install]
WantedBy=multi-user.target
`

// unitText returns the unit that mounts an archive at dir.
func unitText(a Archive, dir string, mode Mode) (string, error) {
	what, err := unitValue(a.Path)
	if err != nil {
		return "", fmt.Errorf("%q cannot be written into a systemd unit: %w", a.Path, err)
	}
	where, err := unitValue(dir)
	if err != nil {
		return "", fmt.Errorf("%q cannot be written into a systemd unit: %w", dir, err)
	}
	kind, opts := FUSEType, options
	if mode == Kernel {
		kind, opts = kernelType, "loop,"+options
	}
	id := strings.ReplaceAll(a.ID, "%", "%%")
	return fmt.Sprintf(unitTemplate, strconv.Quote(a.Path), id, what, where, kind, opts), nil
}

// unitArchive returns the path of the archive that a unit of ours is for, and
// false for any other unit.
func unitArchive(text string) (string, bool) {
	line, _, _ := strings.Cut(text, "\n")
	quoted, found := strings.CutPrefix(line, unitMark)
	if !found {
		return "", false
	}
	path, err := strconv.Unquote(quoted)
	return path, err == nil
}

// unitDir returns where a unit of ours mounts.
func unitDir(text string) string {
	for line := range strings.Lines(text) {
		if where, found := strings.CutPrefix(line, "Where="); found {
			return strings.ReplaceAll(strings.TrimSuffix(where, "\n"), "%%", "%")
		}
	}
	return ""
}
