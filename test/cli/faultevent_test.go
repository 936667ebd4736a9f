// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// eventFault is what happens right after an event of the helper, before that
// goes on, and once the plugin has read the event.
type eventFault struct {
	strike func(f *eventFaulty, plugin int, a arrival)
	// check looks at how the plugin has ended.
	check func(f *eventFaulty, point string, err error, output string)
	// ssh has the helper be behind a real sshd.
	ssh bool
}

var eventFaults = map[string]eventFault{
	"plugin killed": {
		strike: func(_ *eventFaulty, plugin int, _ arrival) { _ = syscall.Kill(plugin, syscall.SIGKILL) },
		check: func(f *eventFaulty, point string, err error, output string) {
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() >= 0 {
				f.t.Errorf("%s: %v, and it was killed:\n%s", point, err, output)
			}
		},
	},
	"helper killed": {
		strike: func(_ *eventFaulty, _ int, a arrival) { _ = syscall.Kill(a.PID, syscall.SIGKILL) },
		check: func(f *eventFaulty, point string, err error, output string) {
			f.checkFailure(point, err, output, "bootstrap node (local:", "/gated-bootstrap agent`: signal: killed")
		},
	},
	"network cut": {
		ssh:    true,
		strike: func(f *eventFaulty, _ int, _ arrival) { f.sshd.Cut() },
		check: func(f *eventFaulty, point string, err error, output string) {
			switch {
			case err == nil && f.struck.kind() == "result": // all had been said
			case strings.Contains(output, "ssh failed, or the helper was killed at once"):
				// The event was still on its way, and the first one.
				f.checkFailure(point, err, output, "bootstrap node (ssh://127.0.0.1:", "exit status 255")
			default:
				f.checkFailure(point, err, output, "bootstrap node (ssh://127.0.0.1:", "the connection was lost")
			}
		},
	},
}

// eventFaulty has the helper wait at a gate after each of its events.
type eventFaulty struct {
	*faulty
	gate *gate
	sshd *sshserver.Server
	// struck is the event after which the fault was.
	struck arrival
}

// TestEventFaults has a connection break, or one of its ends killed, after each
// event of the helper in an import with an upload. The same command once more
// completes it.
func TestEventFaults(t *testing.T) {
	c := newCluster(t)
	for _, name := range slices.Sorted(maps.Keys(eventFaults)) {
		t.Run(name, func(t *testing.T) {
			f := &eventFaulty{faulty: newFaulty(t, c), gate: newGate(t)}
			f.reach(eventFaults[name].ssh)
			f.configure(64)
			f.measure([]string{"import", "--upload", filepath.Join(f.dir, "two.iso")},
				[]string{"unimport", "--delete-archive", filepath.Join(f.node, "var/lib/metalk8s/solutions/two.iso")})
			f.gate.reset(nil)
			f.complete(f.do)
			events, began := f.gate.all(), time.Now()
			f.complete(f.undo)
			points := faultPoints(len(events))
			for _, n := range points {
				f.strikeAt(name, n)
			}
			f.report(len(points), len(events), began)
		})
	}
}

// reach tells the programs where the helper is.
func (f *eventFaulty) reach(ssh bool) {
	address, path := "local:"+filepath.Join(f.programs, "gated-bootstrap"), f.programs
	if ssh {
		f.sshd = sshserver.Need(f.t, sshserver.Options{Command: "gated-bootstrap agent", Environment: map[string]string{
			"PATH":                      f.programs + ":/usr/bin:/bin",
			"SOLUTION_BOOTSTRAP_CONFIG": filepath.Join(f.dir, "solution-bootstrap.yaml"),
			envGate:                     f.gate.listener.Addr().String(),
		}})
		address, path = f.sshd.Address(), f.sshd.Wrapper(f.t)+":"+path+":/usr/bin:/bin"
	}
	f.environment = []string{f.gate.environment(), "KUBECTL_SOLUTION_BOOTSTRAP=" + address, "PATH=" + path}
	if ssh {
		f.environment = append(f.environment, "XDG_RUNTIME_DIR="+f.sshd.Folder)
	}
}

// strikeAt runs the command with a fault after one of the events.
func (f *eventFaulty) strikeAt(name string, n int) {
	f.t.Helper()
	fault, plugin := eventFaults[name], make(chan int, 1)
	f.gate.reset(func(i int, a arrival) {
		if i == n {
			f.struck = a
			fault.strike(f, <-plugin, a)
		}
	})
	cmd, out := f.command(f.do)
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	plugin <- cmd.Process.Pid
	err := cmd.Wait()
	if arrivals := f.gate.all(); len(arrivals) < n {
		f.t.Fatalf("%s after event %d: there were only %d events:\n%s", name, n, len(arrivals), out)
	}
	point := fmt.Sprintf("%s after event %d, %s", name, n, f.struck.kind())
	fault.check(f, point, err, out.String())
	f.waitHelpers()
	f.judge(point)
	f.gate.reset(nil)
	f.again(point, f.do)
}

// waitHelpers waits until no helper runs any more that has come to the gate.
func (f *eventFaulty) waitHelpers() {
	f.t.Helper()
	const patience = 30 * time.Second // one notices within AliveEvery
	for _, a := range f.gate.all() {
		for start := time.Now(); isRunning(a.PID); time.Sleep(time.Millisecond) {
			if time.Since(start) > patience {
				f.t.Fatalf("a helper still runs %v after the fault", patience)
			}
		}
	}
}

// isRunning tells whether there is a process that has not ended
// (proc_pid_stat(5)).
func isRunning(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, found := strings.Cut(string(text), ") ")
	return err == nil && found && !strings.HasPrefix(rest, "Z")
}
