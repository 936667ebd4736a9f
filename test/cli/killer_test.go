// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// victim is what is killed.
type victim string

const (
	wholeGroup victim = "the plugin with the helper"
	pluginOnly victim = "the plugin alone"
	helperOnly victim = "the helper alone"
)

var victims = []victim{wholeGroup, pluginOnly, helperOnly}

// killCommand is a command that is killed.
type killCommand struct {
	name, program string
	args          []string
	// duration and want are how long it takes, and the state that it leads to.
	duration time.Duration
	want     string
}

// killer runs the programs, and kills them.
type killer struct {
	t       *testing.T
	cluster *testCluster
	// programs, dir and node are folders: of the programs, what they run in,
	// and the root of the bootstrap node.
	programs, dir, node string
	// environment is what programs are given besides.
	environment []string
	// group is the process group of the command that was killed.
	group int
}

func newKiller(t *testing.T, c *testCluster) *killer {
	t.Helper()
	c.clean(t)
	program, err := exec.LookPath("kubectl-solution")
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{t: t, cluster: c, programs: filepath.Dir(program), dir: t.TempDir()}
	k.node = filepath.Join(k.dir, "node")
	return k
}

func (k *killer) write(name, text string) {
	k.t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// command is a command in a process group of its own. Its output is kept in
// memory; a helper that outlives the plugin does not hold it open.
func (k *killer) command(c killCommand) (*exec.Cmd, *strings.Builder) {
	cmd := exec.CommandContext(context.WithoutCancel(k.t.Context()), filepath.Join(k.programs, c.program), c.args...)
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = k.dir
	cmd.Env = []string{
		"PATH=" + k.programs, "HOME=" + filepath.Join(k.dir, "home"), "TMPDIR=" + filepath.Join(k.dir, "tmp"),
		"KUBECONFIG=" + filepath.Join(k.dir, "kubeconfig"),
		"SOLUTION_BOOTSTRAP_CONFIG=" + filepath.Join(k.dir, "solution-bootstrap.yaml"),
	}
	cmd.Env = append(cmd.Env, k.environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	return cmd, out
}

// complete runs a command, which must succeed.
func (k *killer) complete(c killCommand) {
	k.t.Helper()
	cmd, out := k.command(c)
	if err := cmd.Run(); err != nil {
		k.t.Fatalf("%s: %v\n%s", c.name, err, out)
	}
}

// kill runs a command and kills it, after delay, or its helper. It tells
// whether that was running still.
func (k *killer) kill(c killCommand, v victim, delay time.Duration, random *rand.Rand) bool {
	k.t.Helper()
	cmd, out := k.command(c)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.group = cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if v == helperOnly {
		return k.checkEnd(c, k.killHelper(ended, random), out)
	}
	var err error
	select {
	case err = <-ended:
		k.checkEnd(c, err, out)
		return false
	case <-time.After(delay):
	}
	switch v {
	case wholeGroup:
		_ = syscall.Kill(-k.group, syscall.SIGKILL) // it may just have ended
	case pluginOnly:
		_ = syscall.Kill(k.group, syscall.SIGKILL)
	}
	err = <-ended
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 0 {
		return true
	}
	k.checkEnd(c, err, out)
	return false
}

// killHelper kills one of the helpers that a plugin starts one after the other,
// a moment after it has come into being. It returns how the plugin ended.
func (k *killer) killHelper(ended chan error, random *rand.Rand) error {
	const most, moment = 5, 12 * time.Millisecond // of helpers in a command, that each runs
	left := random.IntN(most)
	seen := map[int]bool{}
	for {
		for _, pid := range childrenOf(k.group) {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			if left--; left < 0 {
				time.Sleep(time.Duration(random.IntN(int(moment))))
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
				return <-ended
			}
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// checkEnd fails unless a plugin that was not killed has succeeded or tells
// that its helper was killed, and reports the latter.
func (k *killer) checkEnd(c killCommand, err error, out *strings.Builder) bool {
	k.t.Helper()
	if err == nil {
		return false
	}
	text := out.String()
	if !strings.Contains(text, "error: ") || !strings.Contains(text, "signal: killed") {
		k.t.Errorf("%s ended with %v, and should with an error that its helper was killed:\n%s", c.name, err, text)
	}
	return true
}

// childrenOf returns the processes that one has started (proc_pid_task(5)).
func childrenOf(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var children []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(word); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// waitGone waits until nothing runs any more of the command that was killed: a
// helper goes on for a moment without its plugin.
func (k *killer) waitGone() {
	k.t.Helper()
	const patience = 30 * time.Second
	for start := time.Now(); syscall.Kill(-k.group, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			k.t.Fatalf("a helper still runs %v after its plugin was killed", patience)
		}
	}
}
