// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// helper returns the command that mount(8) calls.
func (n *mountNode) helper(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(n.t.Context(), n.program, args...)
	cmd.Args[0] = "/sbin/" + mount.HelperName
	return cmd
}

// It is called as mount(8) calls it, and returns when it is mounted.
func TestMountHelper(t *testing.T) {
	n := newMountNode(t, mount.None)
	iso := n.archive("1.0.0")
	dir := filepath.Join(n.root, "a folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{iso, dir},
		{iso, dir, "-o", "rw"},
		{iso, dir, "-sn", "-o", "ro,nosuid,nodev,unknown=1", "-v"},
		{"-t", mount.FUSEType, iso, dir, "-o", "rw,noexec,_netdev,x-systemd.automount"},
	} {
		if out, err := n.helper(args...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "manifest.yaml")); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		points := n.mounts()
		if len(points) != 1 || !slices.Contains(points[0].Options, "ro") {
			t.Errorf("%q: mounted: %+v", args, points)
		}
		if err := mount.Detach(dir, iso); err != nil {
			t.Fatal(err)
		}
		n.waitProcesses(0)
	}
	// A relative path is one of the caller's folder.
	cmd := n.helper(filepath.Base(iso), filepath.Base(dir))
	cmd.Dir = n.root
	if out, err := cmd.CombinedOutput(); err != nil || len(n.mounts()) != 1 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestMountHelperFails(t *testing.T) {
	n := newMountNode(t, mount.None)
	iso := n.archive("1.0.0")
	const usage = "hint: this program is for mount(8): mount -t fuse.solution-bootstrap ARCHIVE DIR\n"
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 1, "error: 0 paths are given, and two are needed\n" + usage},
		{[]string{iso}, 1, "error: 1 paths are given, and two are needed\n" + usage},
		{[]string{iso, n.root, "-o"}, 1, "error: option -o has no value\n" + usage},
		{[]string{iso, n.root, "-x"}, 1, "error: unknown option -x\n" + usage},
		{[]string{iso, n.root, "-"}, 1, "error: unknown option -\n" + usage},
		{[]string{iso, n.root, "-o", "ro,offset=1"}, 1, "error: unknown mount option offset=1\n" + usage},
		{[]string{iso, n.root, "-N", "1"}, 1, "error: option -N is not supported: mount in that namespace with nsenter(1)\n" + usage},
		{[]string{n.config, n.root}, 32, "error: reading " + n.config + ": not an ISO 9660 image"},
		{[]string{iso, n.config}, 32, "error: mounting " + iso + " at " + n.config + ": not a directory\n"},
		{[]string{iso, n.root, "-f"}, 0, ""},
		{[]string{mount.ServeArgument}, 1, "error: reading what is to be served: EOF\n"},
	} {
		out, err := n.helper(tt.args...).CombinedOutput()
		var exit *exec.ExitError
		status := 0
		if errors.As(err, &exit) {
			status = exit.ExitCode()
		}
		if status != tt.status || !strings.HasPrefix(string(out), tt.want) || tt.want == "" && len(out) > 0 {
			t.Errorf("%q: %v: %s", tt.args, err, out)
		}
	}
	if points := n.mounts(); len(points) > 0 {
		t.Errorf("mounted: %+v", points)
	}
	n.waitProcesses(0)
}
