// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

const busyNote = " is in use: it is taken away from there, and ends when the last one who has it open has ended"

func TestMount(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one, two := n.archive("1.0.0"), n.archive("2.0.0")
	tried := n.run(n.agent(protocol.Request{Import: &protocol.ImportRequest{Archives: []string{one}, DryRun: true}}))
	n.wantChange(tried, "imported example-solution-1.0.0 1.0.0.iso", "mounted example-solution-1.0.0 1.0.0.iso")
	if got := tried.State.Archives[0].Mountpoint; got != n.dir("1.0.0") {
		t.Errorf("it would be mounted at %q", got)
	}
	n.wantMounted()
	n.wantChange(n.imports(one), "imported example-solution-1.0.0 1.0.0.iso", "mounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("1.0.0")
	n.wantChange(n.imports(one, two), "unchanged example-solution-1.0.0 1.0.0.iso", "imported example-solution-2.0.0 2.0.0.iso", "mounted example-solution-2.0.0 2.0.0.iso")
	n.wantChange(n.sync())
	n.wantMounted("1.0.0", "2.0.0")
	n.checkNotes(one, two)
	n.wantChange(n.unimports(one), "unimported example-solution-1.0.0 1.0.0.iso", "unmounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("2.0.0")
	n.wantFolders(1)
	n.wantChange(n.unimports(one, two), "unchanged  1.0.0.iso", "unimported example-solution-2.0.0 2.0.0.iso", "unmounted example-solution-2.0.0 2.0.0.iso")
	n.wantMounted()
	n.wantFolders(0)
}

// checkNotes checks that the registry would know archives as checked, though
// they are mounted.
func (n *mountNode) checkNotes(paths ...string) {
	n.t.Helper()
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			n.t.Fatal(err)
		}
		state, err := verified.StateOf(file)
		if !(verified.Folder{Path: filepath.Join(n.root, "var/lib/metalk8s/solution-bootstrap/verified")}).Has(path, state) || err != nil {
			n.t.Errorf("%s is not known as checked: %v", path, err)
		}
		if err := file.Close(); err != nil {
			n.t.Error(err)
		}
	}
}

// A file that is open when its archive is removed is read to its end.
func TestMountBusy(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one := n.archive("1.0.0")
	n.imports(one)
	want, err := os.ReadFile(filepath.Join(n.dir("1.0.0"), "operator/deploy/role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(n.dir("1.0.0"), "operator/deploy/role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n.wantChange(n.unimports(one), "unimported example-solution-1.0.0 1.0.0.iso", "unmounted example-solution-1.0.0 1.0.0.iso", "  "+"$R/srv/scality/example-solution-1.0.0"+busyNote)
	if points := n.mounts(); len(points) != 0 {
		t.Errorf("mounted: %+v", points)
	}
	// Before the last one ends, it is imported again.
	n.wantChange(n.imports(one), "imported example-solution-1.0.0 1.0.0.iso", "mounted example-solution-1.0.0 1.0.0.iso")
	n.waitProcesses(2)
	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: %s", err, got)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	n.waitProcesses(1)
}

// A mount whose process was killed, or does not answer, is not said to be there,
// and is made again.
func TestMountProcessGone(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			n := newMountNode(t, mount.FUSE)
			// By which the kernel is asked to give up, as systemd mounts it.
			if err := syscall.Mount("fusectl", "/sys/fs/fuse/connections", "fusectl", 0, ""); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = syscall.Unmount("/sys/fs/fuse/connections", syscall.MNT_DETACH) }()
			one, two := n.archive("1.0.0"), n.archive("2.0.0")
			n.imports(one)
			id := n.waitProcesses(1)[0]
			if err := syscall.Kill(id, signal); err != nil {
				t.Fatal(err)
			}
			if signal == syscall.SIGSTOP {
				n.waitStopped(id)
			} else {
				n.waitNotConnected("1.0.0")
			}
			if got := n.state().Archives[0].Mountpoint; got != "" {
				t.Errorf("it is said to be mounted at %s", got)
			}
			if len(n.mounts()) != 1 {
				t.Error("it is not in the kernel's list any more")
			}
			reader := exec.CommandContext(t.Context(), "cat", filepath.Join(n.dir("1.0.0"), "operator/deploy/role.yaml"))
			if err := reader.Start(); err != nil {
				t.Fatal(err)
			}
			// Any change repairs it.
			n.wantChange(n.imports(two), "imported example-solution-2.0.0 2.0.0.iso", "mounted example-solution-1.0.0 1.0.0.iso", "mounted example-solution-2.0.0 2.0.0.iso")
			// Who waited for it does not any more.
			if err := reader.Wait(); err == nil {
				t.Error("it was read without a process that serves it")
			}
			if signal == syscall.SIGSTOP {
				if err := syscall.Kill(id, syscall.SIGCONT); err != nil {
					t.Error(err)
				}
			}
			n.wantMounted("1.0.0", "2.0.0")
		})
	}
}

// waitNotConnected waits until the kernel knows that the process is gone.
func (n *mountNode) waitNotConnected(version string) {
	n.t.Helper()
	n.waitProcesses(0)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, err := os.ReadFile(filepath.Join(n.dir(version), "manifest.yaml"))
		if errors.Is(err, syscall.ENOTCONN) {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("reading: %v", err)
		}
	}
}

// waitStopped waits until every thread of a process is: one that had a request
// in hand would keep it.
func (n *mountNode) waitStopped(id int) {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", id))
		if err != nil {
			n.t.Fatal(err)
		}
		runs := 0
		for _, file := range files {
			if stat, err := os.ReadFile(file); err == nil && !bytes.Contains(stat, []byte(") T ")) {
				runs++
			}
		}
		if len(files) > 0 && runs == 0 {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%d threads have not stopped", runs)
		}
	}
}

// A process that is asked to end takes its mount away.
func TestMountProcessEnds(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	n.imports(n.archive("1.0.0"))
	if err := syscall.Kill(n.waitProcesses(1)[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n.waitProcesses(0)
	if points := n.mounts(); len(points) != 0 {
		t.Errorf("mounted: %+v", points)
	}
	n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("1.0.0")
}

// What people change by hand is followed by sync.
func TestMountEditByHand(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one, two := n.archive("1.0.0"), n.archive("2.0.0")
	n.list(one, two)
	n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso", "mounted example-solution-2.0.0 2.0.0.iso")
	n.wantMounted("1.0.0", "2.0.0")
	n.list(two)
	n.wantChange(n.sync(), "unmounted example-solution-1.0.0 1.0.0.iso")
	n.wantMounted("2.0.0")
	// An archive that is away for a while is not one that was removed.
	if err := os.Rename(two, two+".away"); err != nil {
		t.Fatal(err)
	}
	n.wantChange(n.sync())
	if points := n.mounts(); len(points) != 1 {
		t.Errorf("mounted: %+v", points)
	}
	if err := os.Rename(two+".away", two); err != nil {
		t.Fatal(err)
	}
	n.wantChange(n.sync())
	n.wantMounted("2.0.0")
	// Unmounted by hand, mounted once more over itself, and over something.
	if err := syscall.Unmount(n.dir("2.0.0"), 0); err != nil {
		t.Fatal(err)
	}
	n.waitProcesses(0)
	n.wantChange(n.sync(), "mounted example-solution-2.0.0 2.0.0.iso")
	n.wantMounted("2.0.0")
	if out, err := n.helper(two, n.dir("2.0.0")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n.wantChange(n.sync(), "mounted example-solution-2.0.0 2.0.0.iso")
	n.wantMounted("2.0.0")
	if err := syscall.Mount("tmpfs", n.dir("2.0.0"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	n.wantChange(n.sync(), "problem: $R/srv/scality/example-solution-2.0.0 is not as it should be: $R/srv/scality/example-solution-2.0.0 is in use: "+
		"tmpfs is mounted there (tmpfs), and not by solution-bootstrap; see what it is for; once it is gone (umount $R/srv/scality/example-solution-2.0.0), kubectl solution sync mounts the archive")
	if err := syscall.Unmount(n.dir("2.0.0"), 0); err != nil {
		t.Fatal(err)
	}
	n.wantChange(n.sync())
	n.wantMounted("2.0.0")
}

// An archive that was replaced, or written to, is mounted as it is now.
func TestMountReplaced(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one := n.archive("1.0.0")
	n.imports(one)
	for _, move := range []bool{true, false} {
		fresh := archivetest.New(t).WithVersion("1.0.0").WithFile("new", time.Now().String()).ISO(t)
		want := "new"
		if move {
			if err := os.Rename(fresh, one); err != nil {
				t.Fatal(err)
			}
		} else {
			data, err := os.ReadFile(fresh)
			if err == nil {
				err = os.WriteFile(one, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := n.state().Archives[0].Mountpoint; got != "" {
			t.Errorf("the content of before is said to be mounted at %s", got)
		}
		n.wantChange(n.sync(), "mounted example-solution-1.0.0 1.0.0.iso")
		if _, err := os.Stat(filepath.Join(n.dir("1.0.0"), want)); err != nil {
			t.Error(err)
		}
		n.wantMounted("1.0.0")
	}
	// Neither changes what is in it.
	if err := errors.Join(os.Chmod(one, 0o400), os.Link(one, one+".link")); err != nil {
		t.Fatal(err)
	}
	n.wantMounted("1.0.0")
	n.wantChange(n.sync())
}
