// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"fmt"
	"slices"
	"strings"
)

// Point is one mount, as the kernel tells of it (proc_pid_mountinfo(5)).
type Point struct {
	// Device is the file system's number, major:minor.
	Device string
	// Dir is where it is mounted, an absolute path without symbolic links.
	Dir     string
	Options []string // of the mount
	Type    string
	// Source is what is mounted; for a kernel mount its loop device, and for a
	// FUSE mount the path of the archive.
	Source string
}

// hasOptions tells whether the mount has those that every mount is to have.
func (p Point) hasOptions() bool {
	for option := range strings.SplitSeq(options, ",") {
		if !slices.Contains(p.Options, option) {
			return false
		}
	}
	return true
}

// parseTable reads a mountinfo file. Of mounts at one place, the last is the
// one that is seen there.
func parseTable(text string) ([]Point, error) {
	var points []Point
	for line := range strings.Lines(text) {
		// 36 35 98:0 /root /dir rw,noatime shared:1 master:2 - ext3 /dev/root rw
		before, after, found := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		own, file := strings.Split(before, " "), strings.Split(after, " ")
		if !found || len(own) < 6 || len(file) < 2 {
			return nil, fmt.Errorf("reading the list of mounts: a line of another form: %q", line)
		}
		points = append(points, Point{
			Device: own[2], Dir: unescapeOctal(own[4]), Options: strings.Split(own[5], ","),
			Type: unescapeOctal(file[0]), Source: unescapeOctal(file[1]),
		})
	}
	return points, nil
}

// unescapeOctal undoes what the kernel does to white space and backslashes:
// three octal digits after a backslash.
func unescapeOctal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && isOctal(s[i+1]) && isOctal(s[i+2]) && isOctal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }
