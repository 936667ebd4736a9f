// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/test/namespace"
	"github.com/metalk8s/kubectl-solution/test/systemd"
)

// machine is a bootstrap node where systemd runs.
type machine struct {
	*systemd.Machine
	t *testing.T
}

func newMachine(t *testing.T, mode mount.Mode) *machine {
	t.Helper()
	namespace.NeedFUSE(t)
	m := &machine{systemd.Start(t), t}
	m.Copy(program(t), "/usr/local/bin/solution-bootstrap")
	m.setMode(mode)
	return m
}

func (m *machine) setMode(mode mount.Mode) {
	m.t.Helper()
	m.Run("mkdir", "-p", "/etc/metalk8s")
	m.Pipe("mount: "+string(mode)+"\n", "tee", "/etc/metalk8s/solution-bootstrap.yaml")
}

// archive makes the archive of a version there.
func (m *machine) archive(path, version string) {
	m.t.Helper()
	m.Copy(archivetest.New(m.t).WithVersion(version).ISO(m.t), path)
}

func (m *machine) ask(req protocol.Request, result any) {
	m.t.Helper()
	req.Protocol = protocol.Version
	data, err := json.Marshal(req)
	if err != nil {
		m.t.Fatal(err)
	}
	out := m.Pipe(string(data), "solution-bootstrap", "agent")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	event := struct{ Result any }{result}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &event); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// wantChange checks the items of what a request changes, and the problems.
func (m *machine) wantChange(req protocol.Request, want ...string) {
	m.t.Helper()
	c := &protocol.ChangeResult{}
	m.ask(req, c)
	got := itemLines(c, true)
	for _, p := range c.State.Problems {
		got = append(got, "problem: "+p)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Errorf("-want +got:\n%s", diff)
	}
}

var machineSync = protocol.Request{Sync: &protocol.SyncRequest{}}

func machineImport(paths ...string) protocol.Request {
	return protocol.Request{Import: &protocol.ImportRequest{Archives: paths}}
}

func machineUnimport(paths ...string) protocol.Request {
	return protocol.Request{Unimport: &protocol.UnimportRequest{Archives: paths}}
}

// wantMounted checks that these versions, and no others, are mounted, by what
// the kernel, systemd and the helper say, and can be read.
func (m *machine) wantMounted(versions ...string) {
	m.t.Helper()
	state := &protocol.NodeState{}
	m.ask(protocol.Request{List: &protocol.ListRequest{}}, state)
	var said []string
	for _, a := range state.Archives {
		if a.Mountpoint != "" {
			said = append(said, a.Mountpoint)
		}
	}
	var want []string
	for _, v := range versions {
		dir := "/srv/scality/example-solution-" + v
		want = append(want, dir)
		if data := m.Run("cat", dir+"/manifest.yaml"); !strings.Contains(data, "version: "+v) {
			m.t.Errorf("%s: %s", dir, data)
		}
		unit := strings.TrimSpace(m.Run("systemd-escape", "--path", "--suffix=mount", dir))
		if out, err := m.Try("systemctl", "is-enabled", unit); err != nil || out != "enabled\n" {
			m.t.Errorf("%s is %s: %v", unit, out, err)
		}
		if out, err := m.Try("systemctl", "is-active", unit); err != nil || out != "active\n" {
			m.t.Errorf("%s is %s: %v", unit, out, err)
		}
		for _, option := range []string{"ro", "nosuid", "nodev"} {
			m.Run("findmnt", "--mountpoint", dir, "--options", option)
		}
	}
	if diff := cmp.Diff(want, said); diff != "" {
		m.t.Errorf("-mounted +said to be:\n%s", diff)
	}
	out, _ := m.Try("findmnt", "--list", "--noheadings", "--output=TARGET", "--types", mount.FUSEType)
	if got := strings.Fields(out); len(got) != len(want) {
		m.t.Errorf("mounted: %q, and should be: %q", got, want)
	}
	if out := m.Run("systemctl", "--failed", "--no-legend"); out != "" {
		m.t.Errorf("failed: %s", out)
	}
}

// units are the units of ours that there are.
func (m *machine) units() string {
	m.t.Helper()
	return m.Run("sh", "-c", "cd /etc/systemd/system && find . -name 'srv-*'; ls /sbin/"+mount.HelperName+" 2>/dev/null; true")
}

// What is mounted is kept over a restart, whatever the paths are.
func TestMachineRestart(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	var paths, want, versions []string
	for version, path := range map[string]string{
		"1.0.0":            "/solutions/one.iso",
		"2.10.1-rc.1+b3~x": "/a folder/100% %n $HOME.iso",
		"3.0.0":            `/solutions/"quoted" 'twice'; #\x2d.iso`,
		"4.0.0":            "/-ä/日本,a=b.iso",
	} {
		m.archive(path, version)
		paths, versions = append(paths, path), append(versions, version)
		want = append(want, "imported example-solution-"+version+" "+filepath.Base(path))
	}
	for i, path := range paths {
		want = append(want, "mounted example-solution-"+versions[i]+" "+filepath.Base(path))
	}
	c := &protocol.ChangeResult{}
	m.ask(machineImport(paths...), c)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(itemLines(c, false)))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	m.wantMounted(versions...)
	m.Restart()
	m.wantMounted(versions...)
	m.wantChange(machineSync)
	m.ask(machineUnimport(paths...), c)
	m.wantMounted()
	if units := m.units(); units != "/sbin/"+mount.HelperName+"\n" {
		t.Errorf("left: %s", units)
	}
	m.setMode(mount.None)
	m.Restart()
	m.wantMounted()
}

// What others do to mounts and units is repaired.
func TestMachineRepair(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	m.archive("/solutions/one.iso", "1.0.0")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	m.wantMounted("1.0.0")
	const dir = "/srv/scality/example-solution-1.0.0"
	unit := strings.TrimSpace(m.Run("systemd-escape", "--path", "--suffix=mount", dir))
	mounted := []string{"mounted example-solution-1.0.0 one.iso"}
	written := []string{mounted[0], "  it was mounted already, and will be after the machine's next start too"}
	for name, tt := range map[string]struct {
		command []string
		want    []string
	}{
		"process killed":       {[]string{"systemctl", "kill", "--kill-whom=all", "--signal=KILL", unit}, mounted},
		"process asked to end": {[]string{"sh", "-c", "systemctl kill '" + unit + "'; while findmnt " + dir + "; do sleep 0.1; done"}, mounted},
		"unmounted":            {[]string{"umount", dir}, mounted},
		"stopped":              {[]string{"systemctl", "stop", unit}, mounted},
		"disabled":             {[]string{"systemctl", "disable", unit}, written},
		"unit changed":         {[]string{"sh", "-c", "echo x >> '/etc/systemd/system/" + unit + "'"}, written},
		"unit removed":         {[]string{"sh", "-c", "rm '/etc/systemd/system/" + unit + "'; systemctl daemon-reload"}, written},
		"mounted twice":        {[]string{"mount", "-t", mount.FUSEType, "/solutions/one.iso", dir}, mounted},
	} {
		m.Run(tt.command[0], tt.command[1:]...)
		m.wantChange(machineSync, tt.want...)
		m.wantMounted("1.0.0")
		m.wantChange(machineSync)
		if t.Failed() {
			t.Fatalf("after: %s", name)
		}
	}
	m.Run("rm", "/etc/systemd/system/"+unit)
	m.setMode(mount.None)
	m.wantChange(machineSync, "unmounted example-solution-1.0.0 one.iso")
	m.wantMounted()
	if units := m.units(); units != "" {
		t.Errorf("left: %s", units)
	}
}

// A mount that is in use is taken away, and the one who uses it goes on.
func TestMachineBusy(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	m.archive("/solutions/one.iso", "1.0.0")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	const dir = "/srv/scality/example-solution-1.0.0"
	// It reads a line, and the rest when it is told to.
	m.Run("mkfifo", "/run/go")
	m.Run("systemd-run", "--quiet", "--unit=reader", "--property=Type=exec", "sh", "-c", "exec 3< "+dir+"/operator/deploy/role.yaml; read line <&3; touch /run/open; cat /run/go; cat <&3 > /run/rest")
	m.wait("test -e /run/open")
	m.wantChange(machineUnimport("/solutions/one.iso"), "unimported example-solution-1.0.0 one.iso", "unmounted example-solution-1.0.0 one.iso", "  "+dir+busyNote)
	m.wantMounted()
	m.Pipe("", "sh", "-c", "echo > /run/go")
	m.wait("! systemctl is-active reader")
	if got := m.Run("cat", "/run/rest"); got != strings.SplitN(archivetest.Role, "\n", 2)[1] {
		t.Errorf("read: %s", got)
	}
	m.wait("! grep --quiet --no-messages '^" + mount.HelperName + "' /proc/[0-9]*/cmdline")
}

// What is installed no more leaves no mount, and nothing that would make one.
func TestMachineUninstall(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	m.archive("/solutions/one.iso", "1.0.0")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	const unmounted = "/srv/scality/example-solution-1.0.0 unmounted\n"
	if out := m.Run("solution-bootstrap", "uninstall", "--dry-run"); !strings.HasPrefix(out, "==> "+unmounted) {
		t.Errorf("a dry run: %s", out)
	}
	m.wantMounted("1.0.0")
	// A configuration that cannot be used is no obstacle.
	m.Pipe("mount: [\n", "tee", "/etc/metalk8s/solution-bootstrap.yaml")
	if out := m.Run("solution-bootstrap", "uninstall"); !strings.HasPrefix(out, unmounted) {
		t.Error(out)
	}
	m.setMode(mount.FUSE)
	m.wantMounted()
	if units := m.units(); units != "" {
		t.Errorf("left: %s", units)
	}
	m.Run("test", "!", "-L", "/sbin/"+mount.HelperName)
	if out := m.Run("solution-bootstrap", "uninstall"); strings.Contains(out, "unmounted") {
		t.Errorf("once more: %s", out)
	}
}

// wait waits until a command succeeds.
func (m *machine) wait(script string) {
	m.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := m.Try("sh", "-c", script)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: %v: %s", script, err, out)
		}
	}
}

// A machine starts without an archive, and mounts it when it is back.
func TestMachineArchiveMissing(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	m.archive("/solutions/one.iso", "1.0.0")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	m.Run("mv", "/solutions/one.iso", "/solutions/away.iso")
	m.Restart()
	if out := m.Run("systemctl", "is-active", "multi-user.target"); out != "active\n" {
		t.Errorf("the target is %s", out)
	}
	m.wantChange(machineSync)
	m.Run("mv", "/solutions/away.iso", "/solutions/one.iso")
	m.wantChange(machineSync, "mounted example-solution-1.0.0 one.iso")
	m.wantMounted("1.0.0")
}

// What cannot be is told, and leaves nothing.
func TestMachineCannot(t *testing.T) {
	m := newMachine(t, mount.Kernel)
	m.archive("/solutions/one.iso", "1.0.0")
	if !kernelHasISO9660(t) {
		m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "  "+noKernel)
		m.wantChange(machineUnimport("/solutions/one.iso"), "unimported example-solution-1.0.0 one.iso")
	}
	m.setMode(mount.FUSE)
	// mount(8) finds something else.
	m.Run("ln", "-s", "/bin/false", "/sbin/"+mount.HelperName)
	m.Run("rm", "/bin/false")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	m.wantMounted("1.0.0")
	m.wantChange(machineUnimport("/solutions/one.iso"), "unimported example-solution-1.0.0 one.iso", "unmounted example-solution-1.0.0 one.iso")
	// Someone else has a unit.
	unit := strings.TrimSpace(m.Run("systemd-escape", "--path", "--suffix=mount", "/srv/scality/example-solution-1.0.0"))
	m.Pipe("[Mount]\nWhat=tmpfs\nWhere=/srv/scality/example-solution-1.0.0\nType=tmpfs\n", "tee", "/etc/systemd/system/"+unit)
	const theirs = "/srv/scality/example-solution-1.0.0 is not as it should be: systemd has a unit for /srv/scality/example-solution-1.0.0 that is not by solution-bootstrap; " +
		"systemctl cat /srv/scality/example-solution-1.0.0 shows it; once it is gone, kubectl solution sync mounts the archive"
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "  "+theirs)
	m.wantChange(machineSync, "problem: "+theirs)
	if out := m.Run("systemctl", "cat", "/srv/scality/example-solution-1.0.0"); !strings.Contains(out, "What=tmpfs") {
		t.Errorf("their unit: %s", out)
	}
	// systemd cannot mount.
	m.Run("rm", "/etc/systemd/system/"+unit)
	m.Run("systemctl", "daemon-reload")
	m.Run("mv", "/usr/bin/mount", "/usr/bin/mount.away")
	c := &protocol.ChangeResult{}
	m.ask(machineSync, c)
	if len(c.State.Problems) != 1 || !strings.Contains(c.State.Problems[0], "systemctl start "+unit+": exit status 1") || !strings.Contains(c.State.Problems[0], "; journalctl --unit='"+unit+"' tells why") {
		t.Errorf("problems: %q", c.State.Problems)
	}
	m.Run("mv", "/usr/bin/mount.away", "/usr/bin/mount")
	m.wantChange(machineSync, "mounted example-solution-1.0.0 one.iso")
	m.wantMounted("1.0.0")
}

// What goes wrong with a mount is in the journal, under its unit.
func TestMachineJournal(t *testing.T) {
	m := newMachine(t, mount.FUSE)
	m.Run("systemctl", "start", "systemd-journald.service")
	m.archive("/solutions/one.iso", "1.0.0")
	m.wantChange(machineImport("/solutions/one.iso"), "imported example-solution-1.0.0 one.iso", "mounted example-solution-1.0.0 one.iso")
	m.Run("sh", "-c", "printf x | dd of=/solutions/one.iso bs=1 seek=40000 conv=notrunc")
	const dir = "/srv/scality/example-solution-1.0.0"
	if out, err := m.Try("cat", dir+"/manifest.yaml"); err == nil || !strings.Contains(out, "Input/output error") {
		t.Errorf("%v: %s", err, out)
	}
	unit := strings.TrimSpace(m.Run("systemd-escape", "--path", "--suffix=mount", dir))
	m.wait("journalctl --unit='" + unit + "' | grep 'reading the archive.* archive=/solutions/one.iso .*it was written to after it was mounted'")
}
