// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/test/namespace"
	"github.com/metalk8s/kubectl-solution/test/need"
)

func TestMain(m *testing.M) { os.Exit(namespace.Main(m)) }

// kernelNode mounts images of ext4 where it would mount archives: not every
// kernel has iso9660, and nothing but the name differs.
type kernelNode struct {
	t      *testing.T
	root   string
	mounts *Mounts
}

func newKernelNode(t *testing.T) *kernelNode {
	t.Helper()
	namespace.Need(t)
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		need.Missing(t, "%v", err)
	}
	n := &kernelNode{t: t, root: t.TempDir()}
	n.mounts = New(filepath.Join(n.root, "root"), Kernel)
	n.mounts.kernelType = "ext4"
	t.Cleanup(func() {
		if _, err := New(filepath.Join(n.root, "root"), None).Reconcile(t.Context(), nil, nil, false); err != nil {
			t.Log(err)
		}
		points, err := readTable()
		for _, p := range points {
			if strings.HasPrefix(p.Dir, n.root+"/") {
				err = errors.Join(err, unix.Unmount(p.Dir, unix.MNT_DETACH))
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
	return n
}

// image makes a file system that has a file with its name.
func (n *kernelNode) image(name string) Archive {
	n.t.Helper()
	need.Program(n.t, "mkfs.ext4")
	folder, path := n.t.TempDir(), filepath.Join(n.root, name+".iso")
	if err := os.WriteFile(filepath.Join(folder, "name"), []byte(name), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if out, err := exec.CommandContext(n.t.Context(), "mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", folder, path, "1M").CombinedOutput(); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
	return Archive{ID: name + "-1", Path: path}
}

// reconcile returns what was done, in lines, with $R for the root.
func (n *kernelNode) reconcile(keep []string, archives ...Archive) []string {
	n.t.Helper()
	tried, err := n.mounts.Reconcile(n.t.Context(), archives, keep, true)
	if err != nil {
		n.t.Fatal(err)
	}
	done, err := n.mounts.Reconcile(n.t.Context(), archives, keep, false)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := range done {
		if done[i].Err == nil && (tried[i].Action != done[i].Action || tried[i].ID != done[i].ID) {
			n.t.Errorf("tried %+v, done %+v", tried[i], done[i])
		}
	}
	var lines []string
	for _, o := range done {
		line := fmt.Sprintf("%s %s %s", o.Action, o.Dir, o.Path)
		if o.Err != nil {
			line = fmt.Sprintf("%s: %v (%s)", o.Dir, o.Err, hint.Of(o.Err))
		}
		for _, note := range o.Notes {
			if !strings.HasPrefix(note, "systemd does not run here") {
				line += ": " + note
			}
		}
		lines = append(lines, strings.ReplaceAll(line, n.root, "$R"))
	}
	return lines
}

func (n *kernelNode) want(got []string, want ...string) {
	n.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		n.t.Errorf("-want +got:\n%s", diff)
	}
}

// wantDirs checks where archives are said to be mounted, and that they are.
func (n *kernelNode) wantDirs(archives []Archive, ids ...string) {
	n.t.Helper()
	got, err := n.mounts.Dirs(archives)
	if err != nil {
		n.t.Error(err)
	}
	for i, a := range archives {
		want := ""
		if ids[i] != "" {
			want = filepath.Join(n.root, "root/srv/scality", ids[i])
			if data, err := os.ReadFile(filepath.Join(want, "name")); err != nil || string(data)+"-1" != a.ID {
				n.t.Errorf("%s: %q, %v", want, data, err)
			}
		}
		if got[i] != want {
			n.t.Errorf("%s is said to be mounted at %q, and should be at %q", a.ID, got[i], want)
		}
	}
}

func TestKernel(t *testing.T) {
	n := newKernelNode(t)
	a, b := n.image("a"), n.image("b")
	both := []Archive{a, b}
	n.wantDirs(both, "", "")
	n.want(n.reconcile(nil, a, b), "mounted $R/root/srv/scality/a-1 $R/a.iso", "mounted $R/root/srv/scality/b-1 $R/b.iso")
	n.wantDirs(both, "a-1", "b-1")
	n.want(n.reconcile(nil, a, b))
	n.want(n.reconcile([]string{a.Path}, b))
	at, found, err := At(filepath.Join(n.root, "root/srv/scality/a-1"))
	if err != nil || !found || !at.hasOptions() {
		t.Errorf("%+v, %v", at, err)
	}
	if device, err := os.ReadFile("/sys/dev/block/" + at.Device + "/ro"); err != nil || string(device) != "1\n" {
		t.Errorf("the device can be written to: %q, %v", device, err)
	}
	n.want(n.reconcile(nil, b), "unmounted $R/root/srv/scality/a-1 $R/a.iso")
	n.wantDirs(both, "", "b-1")
	if _, err := os.Stat("/sys/dev/block/" + at.Device + "/loop"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the loop device stays: %v", err)
	}
	n.mounts.Mode = None
	n.want(n.reconcile([]string{b.Path}, a, b), "unmounted $R/root/srv/scality/b-1 $R/b.iso")
	if entries, err := os.ReadDir(filepath.Join(n.root, "root/srv/scality")); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// A file that is open is read to its end after the mount is taken away.
func TestKernelBusy(t *testing.T) {
	n := newKernelNode(t)
	a := n.image("a")
	n.want(n.reconcile(nil, a), "mounted $R/root/srv/scality/a-1 $R/a.iso")
	file, err := os.Open(filepath.Join(n.root, "root/srv/scality/a-1/name"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n.want(n.reconcile(nil), "unmounted $R/root/srv/scality/a-1 $R/a.iso: $R/root/srv/scality/a-1 is in use: it is taken away from there, and ends when the last one who has it open has ended")
	n.wantDirs([]Archive{a}, "")
	if data, err := io.ReadAll(file); string(data) != "a" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// What is mounted is not what the file has now.
func TestKernelReplaced(t *testing.T) {
	n := newKernelNode(t)
	a, other := n.image("a"), n.image("other")
	n.want(n.reconcile(nil, a), "mounted $R/root/srv/scality/a-1 $R/a.iso")
	if err := os.Rename(other.Path, a.Path); err != nil {
		t.Fatal(err)
	}
	n.wantDirs([]Archive{a}, "")
	n.want(n.reconcile(nil, a), "mounted $R/root/srv/scality/a-1 $R/a.iso")
	if data, err := os.ReadFile(filepath.Join(n.root, "root/srv/scality/a-1/name")); string(data) != "other" {
		t.Errorf("%q, %v", data, err)
	}
}

// Links in the way of archives and mounts are followed by the kernel, and do
// not make one look like another.
func TestKernelLinks(t *testing.T) {
	n := newKernelNode(t)
	a := n.image("a")
	for link, target := range map[string]string{"link.iso": "a.iso", "root/srv": "../elsewhere"} {
		path := filepath.Join(n.root, link)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.MkdirAll(filepath.Join(n.root, "elsewhere"), 0o755), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	a.Path = filepath.Join(n.root, "link.iso")
	n.want(n.reconcile(nil, a), "mounted $R/root/srv/scality/a-1 $R/link.iso")
	n.wantDirs([]Archive{a}, "a-1")
	n.want(n.reconcile(nil, a))
	n.want(n.reconcile([]string{a.Path}))
	n.want(n.reconcile(nil), "unmounted $R/root/srv/scality/a-1 $R/a.iso")
}

// What others have mounted or written stays as it is.
func TestKernelOthers(t *testing.T) {
	n := newKernelNode(t)
	a, b, c, d := n.image("a"), n.image("b"), n.image("c"), n.image("d")
	dir := func(id string) string { return filepath.Join(n.root, "root/srv/scality", id) }
	for _, id := range []string{"a-1", "b-1", "c-1", "old-1"} {
		if err := os.MkdirAll(dir(id), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	old := n.image("old")
	if err := errors.Join(
		unix.Mount("tmpfs", dir("a-1"), "tmpfs", 0, ""),
		os.WriteFile(filepath.Join(dir("b-1"), "precious"), nil, 0o600),
		os.Symlink(n.root, dir("d-1")),
		// As older tooling mounts, by hand.
		exec.CommandContext(t.Context(), "mount", "-o", "loop,ro", c.Path, dir("c-1")).Run(),
		exec.CommandContext(t.Context(), "mount", "-o", "loop,ro", old.Path, dir("old-1")).Run(),
	); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.want(n.reconcile(nil, a, b, c, d),
			"$R/root/srv/scality/a-1: $R/root/srv/scality/a-1 is in use: tmpfs is mounted there (tmpfs), and not by solution-bootstrap (see what it is for; once it is gone (umount $R/root/srv/scality/a-1), kubectl solution sync mounts the archive)",
			"$R/root/srv/scality/b-1: $R/root/srv/scality/b-1 is in use: it is no empty folder (see what is in it; once it is gone, kubectl solution sync mounts the archive)",
			"$R/root/srv/scality/d-1: $R/root/srv/scality/d-1 is in use: it is no empty folder (see what is in it; once it is gone, kubectl solution sync mounts the archive)")
		n.wantDirs([]Archive{a, b, c, d}, "", "", "c-1", "")
	}
	n.mounts.Mode = None
	n.want(n.reconcile(nil))
	n.wantDirs([]Archive{c, old}, "c-1", "old-1")
}

// A kernel without iso9660 is named, with what can be done.
func TestKernelCannot(t *testing.T) {
	n := newKernelNode(t)
	a := n.image("a")
	n.mounts.kernelType = "no-such-type"
	for _, dryRun := range []bool{true, false} {
		outcomes, err := n.mounts.Reconcile(t.Context(), []Archive{a}, nil, dryRun)
		if len(outcomes) != 0 || err == nil || err.Error() != "this machine's kernel cannot mount no-such-type: it has neither that file system nor a module with it" || !strings.HasPrefix(hint.Of(err), "set mount: fuse") {
			t.Errorf("%v, %v (%s)", outcomes, err, hint.Of(err))
		}
	}
	if _, err := os.Stat(filepath.Join(n.root, "root")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder is left: %v", err)
	}
}

// A mount that fails leaves no folder and no loop device.
func TestKernelFails(t *testing.T) {
	n := newKernelNode(t)
	path := filepath.Join(n.root, "no.iso")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	n.want(n.reconcile(nil, Archive{"no-1", path}, Archive{"gone-1", path + ".gone"}),
		"$R/root/srv/scality/gone-1: open $R/no.iso.gone: no such file or directory ()",
		"$R/root/srv/scality/no-1: mounting $R/no.iso at $R/root/srv/scality/no-1: invalid argument ()")
	if entries, err := os.ReadDir(filepath.Join(n.root, "root/srv/scality")); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--associated", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("loop devices: %v, %s", err, out)
	}
}
