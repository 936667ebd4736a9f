// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// kernelHasISO9660 tells whether the machine can mount archives without FUSE.
func kernelHasISO9660(t *testing.T) bool {
	t.Helper()
	fd, err := unix.Fsopen("iso9660", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.ENODEV) {
		return false
	}
	if err == nil {
		err = unix.Close(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

const noKernel = "this machine's kernel cannot mount iso9660: it has neither that file system nor a module with it; " +
	"set mount: fuse in the helper's configuration, which needs no such kernel; or install the module: modprobe isofs"

// A change of the configuration is followed by sync; what cannot be mounted in
// the new way stays mounted in the old one.
func TestMountModes(t *testing.T) {
	n := newMountNode(t, mount.None)
	one := n.archive("1.0.0")
	n.wantChange(n.imports(one), "imported example-solution-1.0.0 1.0.0.iso")
	n.wantChange(n.sync())
	n.wantMounted()
	n.setMode(mount.FUSE)
	n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("1.0.0")
	n.setMode(mount.Kernel)
	if kernelHasISO9660(t) {
		n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso")
		n.waitProcesses(0)
		if points := n.mounts(); len(points) != 1 || !slices.Contains(points[0].Options, "nosuid") {
			t.Errorf("mounted: %+v", points)
		}
	} else {
		n.wantChange(n.sync(), "problem: "+noKernel)
		n.wantMounted("1.0.0")
	}
	n.setMode(mount.None)
	n.wantChange(n.sync(), "unmounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted()
	n.wantChange(n.sync())
}

// An import is done all the same where the kernel cannot mount.
func TestMountKernel(t *testing.T) {
	n := newMountNode(t, mount.Kernel)
	one := n.archive("1.0.0")
	if kernelHasISO9660(t) {
		n.wantChange(n.imports(one), "imported example-solution-1.0.0 1.0.0.iso", "mounted example-solution-1.0.0 1.0.0.iso")
		n.wantChange(n.unimports(one), "unimported example-solution-1.0.0 1.0.0.iso", "unmounted example-solution-1.0.0 1.0.0.iso")
		return
	}
	n.wantChange(n.imports(one), "imported example-solution-1.0.0 1.0.0.iso", "  "+noKernel)
	n.wantMounted()
	n.wantChange(n.unimports(one), "unimported example-solution-1.0.0 1.0.0.iso")
}

// Without the right to mount, everything else is done, and what is mounted is
// told.
func TestMountNoRights(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one, two := n.archive("1.0.0"), n.archive("2.0.0")
	n.imports(one)
	unprivileged := []string{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"}
	const noRights = "mounting and unmounting need root (CAP_SYS_ADMIN), and the helper runs as user 0 without it; run the helper as root, or set mount: none in its configuration"
	c := n.run(n.agent(protocol.Request{Import: &protocol.ImportRequest{Archives: []string{two}}}, unprivileged...))
	n.wantChange(c, "imported example-solution-2.0.0 2.0.0.iso", "  "+noRights)
	if got := c.State.Archives; got[0].Mountpoint != n.dir("1.0.0") || got[1].Mountpoint != "" {
		t.Errorf("mounted at %q and %q", got[0].Mountpoint, got[1].Mountpoint)
	}
	for _, dryRun := range []bool{true, false} {
		n.wantChange(n.run(n.agent(protocol.Request{Sync: &protocol.SyncRequest{DryRun: dryRun}}, unprivileged...)), "problem: "+noRights)
	}
	n.wantChange(n.run(n.agent(protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{one}}}, unprivileged...)),
		"unimported example-solution-1.0.0 1.0.0.iso", "  "+noRights)
	n.wantChange(n.sync(), "unmounted example-solution-1.0.0 1.0.0.iso", "mounted example-solution-2.0.0 2.0.0.iso")
	n.wantMounted("2.0.0")
}

// Where the folder cannot be made, an import is done, and says so.
func TestMountFails(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	if err := os.WriteFile(filepath.Join(n.root, "srv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	one := n.archive("1.0.0")
	c := n.imports(one)
	if len(c.Items) != 1 || c.Items[0].Action != protocol.Imported || len(c.Items[0].Warnings) != 1 || !strings.Contains(c.Items[0].Warnings[0], "not a directory") {
		t.Errorf("%+v", c.Items)
	}
	if err := os.Remove(filepath.Join(n.root, "srv")); err != nil {
		t.Fatal(err)
	}
	n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("1.0.0")
}
