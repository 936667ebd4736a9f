// SPDX-License-Identifier: Apache-2.0

// Package namespace runs the tests of a package in a mount and a process
// namespace of their own: whatever they mount, and every process that they
// leave, is gone with them.
package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// inside is set to why the tests do not run in a namespace, or to isInside.
const (
	inside   = "TEST_NAMESPACE"
	isInside = "yes"
)

// Main runs the tests, and returns the exit status for TestMain. Without the
// rights for a namespace they run all the same, for those that do not call
// Need.
func Main(m *testing.M) int {
	if os.Getenv(inside) != "" {
		return m.Run()
	}
	status, err := again()
	if err == nil {
		return status
	}
	if err := os.Setenv(inside, err.Error()); err != nil {
		panic(err)
	}
	return m.Run()
}

// again runs this program in a namespace, and returns its exit status.
func again() (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("it takes root")
	}
	// The program ends with the thread that has started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// sh, since the mounts have to be private before any test runs.
	const script = `mount --make-rprivate / && mount -t proc proc /proc && exec "$0" "$@"`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, os.Args[0]}, os.Args[1:]...)...) //nolint:noctx // it has the tests' time
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"="+isInside)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// Need skips a test that is not in a namespace, and with CI=true fails it.
func Need(tb testing.TB) {
	tb.Helper()
	if why := os.Getenv(inside); why != isInside {
		need.Missing(tb, "mount and process namespaces: %s", why)
	}
}

// NeedFUSE skips a test like Need where the machine has no FUSE.
func NeedFUSE(tb testing.TB) {
	tb.Helper()
	Need(tb)
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		need.Missing(tb, "%v", err)
	}
	if err := device.Close(); err != nil {
		tb.Fatal(err)
	}
}

// Processes returns the ids of the processes whose command line begins with
// name.
func Processes(tb testing.TB, name string) []int {
	tb.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		tb.Fatal(err)
	}
	var ids []int
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id))
		// One that has ended has no command line.
		if first, _, _ := strings.Cut(string(line), "\x00"); err == nil && first == name {
			ids = append(ids, id)
		}
	}
	return ids
}
