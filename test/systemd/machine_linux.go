// SPDX-License-Identifier: Apache-2.0

// Package systemd starts machines for tests: a real systemd as the first
// process of a process namespace, on a copy-on-write view of this machine's
// files that outlasts a restart, and with a network of its own that has the
// loopback interface only.
package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/namespace"
	"github.com/metalk8s/kubectl-solution/test/need"
)

const program = "/lib/systemd/systemd"

// boot makes the machine's root and becomes its first process. Nothing of what
// this machine has systemd start is started there. $1 is a folder for all that
// the machine has, $2 its control group.
const boot = `set -eu
root=$1/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
if [ ! -e "$root/etc/test-machine" ]; then
	rm -rf "$root"/etc/systemd/system/* "$root"/usr/lib/systemd/system/*.wants/* "$root"/etc/rc*.d
	touch "$root/etc/test-machine"
fi
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --bind "$2" "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for d in null zero full random urandom tty fuse loop-control; do
	[ ! -e /dev/$d ] || cp -a /dev/$d "$root/dev/"
done
for d in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mknod "$root/dev/loop$d" b 7 $d; done
: > "$root/dev/console"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ip link set lo up
cd "$root"
mkdir -p old
pivot_root . old
umount -l /old
# As systemd does by itself, but not in a container: what is mounted later is seen by services that run.
mount --make-rshared /
exec chroot . /usr/bin/env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	` + program + ` --system --show-status=false --unit=multi-user.target </dev/null >/dev/null 2>&1
`

// Machine is one that runs, or is between two starts.
type Machine struct {
	tb     testing.TB
	folder string
	group  string
	cmd    *exec.Cmd // of unshare
	init   int       // process id
}

// Start starts a machine, which ends with the test. It skips the test where
// that cannot be, and fails it where the environment has CI=true.
func Start(tb testing.TB) *Machine {
	tb.Helper()
	namespace.Need(tb)
	for _, name := range []string{program, "systemctl", "unshare", "nsenter", "ip"} {
		need.Program(tb, name)
	}
	m := &Machine{tb: tb, folder: tb.TempDir()}
	m.prepare()
	m.start()
	return m
}

// prepare makes what outlasts a restart.
func (m *Machine) prepare() {
	m.tb.Helper()
	m.must(syscall.Mount("tmpfs", m.folder, "tmpfs", 0, ""))
	m.tb.Cleanup(func() { m.must(syscall.Unmount(m.folder, syscall.MNT_DETACH)) })
	groups := filepath.Join(m.folder, "cgroup")
	for _, name := range []string{"upper", "work", "root", "cgroup"} {
		m.must(os.Mkdir(filepath.Join(m.folder, name), 0o755))
	}
	m.must(syscall.Mount("cgroup2", groups, "cgroup2", 0, ""))
	m.group = filepath.Join(groups, fmt.Sprintf("test-systemd-%d-%d", os.Getppid(), time.Now().UnixNano()))
	m.must(os.Mkdir(m.group, 0o755))
	m.tb.Cleanup(m.removeGroup)
	m.Write("/etc/fstab", "", 0o644)
	// Without an id it would be the machine's first start, which enables much.
	m.Write("/etc/machine-id", strings.Repeat("5", 32)+"\n", 0o444)
}

// Write writes a file of the machine, which must not run.
func (m *Machine) Write(path, text string, mode os.FileMode) {
	m.tb.Helper()
	path = filepath.Join(m.folder, "upper", path)
	m.must(os.MkdirAll(filepath.Dir(path), 0o755))
	m.must(os.WriteFile(path, []byte(text), mode))
}

func (m *Machine) start() {
	m.tb.Helper()
	// The shell enters the control group before unshare makes it the root of
	// a namespace.
	const script = `echo $$ > "$2/cgroup.procs" && exec unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net /bin/sh -c "$3" sh "$1" "$2"`
	m.cmd = exec.Command("/bin/sh", "-c", script, "sh", m.folder, m.group, boot) //nolint:noctx // Stop ends it
	var out strings.Builder
	m.cmd.Stdout, m.cmd.Stderr = &out, &out
	m.must(m.cmd.Start())
	m.tb.Cleanup(m.kill)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if m.findInit(); m.init != 0 {
			state, _ := m.Try("systemctl", "is-system-running")
			if state = strings.TrimSpace(state); state == "running" || state == "degraded" {
				return
			}
		}
		if time.Now().After(deadline) {
			m.tb.Fatalf("systemd has not started: %s", out.String())
		}
	}
}

func (m *Machine) findInit() {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", m.cmd.Process.Pid))
	if err == nil {
		_, _ = fmt.Sscan(string(children), &m.init)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", m.init))
	if err != nil || !strings.HasPrefix(string(line), program) {
		m.init = 0
	}
}

// Try runs a command on the machine, and returns what it prints.
func (m *Machine) Try(name string, args ...string) (string, error) {
	out, err := m.command(name, args...).CombinedOutput()
	return string(out), err
}

// Run is Try for a command that must not fail.
func (m *Machine) Run(name string, args ...string) string {
	m.tb.Helper()
	return m.Pipe("", name, args...)
}

// Pipe is Run with something on the command's standard input.
func (m *Machine) Pipe(input, name string, args ...string) string {
	m.tb.Helper()
	cmd := m.command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Copy copies a file of this machine to the other, where it is a program.
func (m *Machine) Copy(from, to string) {
	m.tb.Helper()
	file, err := os.Open(from)
	m.must(err)
	defer file.Close()
	cmd := m.command("sh", "-c", `mkdir -p "$(dirname "$1")" && cat > "$1" && chmod 755 "$1"`, "sh", to)
	cmd.Stdin = file
	if out, err := cmd.CombinedOutput(); err != nil {
		m.tb.Fatalf("copying %s: %v\n%s", from, err, out)
	}
}

func (m *Machine) command(name string, args ...string) *exec.Cmd {
	words := append(m.Enter(), append([]string{name}, args...)...)
	return exec.CommandContext(m.tb.Context(), words[0], words[1:]...)
}

// Enter returns the words to put before a command that is to run on the machine,
// until that is restarted.
func (m *Machine) Enter() []string {
	return []string{"nsenter", fmt.Sprintf("--target=%d", m.init), "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--"}
}

// Root is the folder of this machine that has the other's files, until that is
// restarted.
func (m *Machine) Root() string { return fmt.Sprintf("/proc/%d/root", m.init) }

// Restart shuts the machine down in order, and starts it again.
func (m *Machine) Restart() {
	m.tb.Helper()
	// The answer is cut off.
	_, _ = m.Try("systemctl", "--force", "poweroff")
	ended := time.AfterFunc(time.Minute, m.kill)
	_ = m.cmd.Wait() // by a signal, as the kernel has it
	if !ended.Stop() {
		m.tb.Fatal("systemd has not shut down within a minute")
	}
	m.start()
}

func (m *Machine) kill() {
	if m.cmd.ProcessState == nil {
		_ = m.cmd.Process.Kill() // and so the first process
		_ = m.cmd.Wait()
	}
}

// removeGroup removes the control groups that systemd has made, deepest first.
func (m *Machine) removeGroup() {
	var folders []string
	m.must(filepath.WalkDir(m.group, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	}))
	for i := len(folders) - 1; i >= 0; i-- {
		m.must(remove(folders[i]))
	}
	m.must(syscall.Unmount(filepath.Dir(m.group), 0))
}

// remove waits for the processes of a group, which were killed, to go.
func remove(folder string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err := syscall.Rmdir(folder); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (m *Machine) must(err error) {
	m.tb.Helper()
	if err != nil {
		m.tb.Fatal(err)
	}
}
