// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// faultStep is the distance between points at which a fault strikes, unless
// EnvFaultStep says so: with 1 it strikes at each of them, with more it is
// chance where it begins. faultRounds and EnvFaultRounds are for those that have
// no points.
const (
	faultStep      = 6
	envFaultStep   = "FAULT_STEP"
	faultRounds    = 2
	envFaultRounds = "FAULT_ROUNDS"
)

// faultPoints returns which of so many points are to be struck, from 1.
func faultPoints(of int) []int {
	step := numberOf(envFaultStep, faultStep)
	var points []int
	for n := 1 + rand.IntN(step); n <= of; n += step {
		points = append(points, n)
	}
	return points
}

// numberOf reads an environment variable.
func numberOf(variable string, otherwise int) int {
	if value, err := strconv.Atoi(os.Getenv(variable)); err == nil && value > 0 {
		return value
	}
	return otherwise
}

// faulty is a node and a cluster on which one command is run again and again,
// each time with a fault at another point, and then once more without.
type faulty struct {
	*killer
	do, undo killCommand
	// before and after are what the command leads from and to: solutions.yaml,
	// the cluster, and all of it.
	before, after faultState
	// counts are how often node and cluster were found in which state.
	counts map[string]int
}

// faultState is what faults are judged by.
type faultState struct{ node, cluster, all string }

func newFaulty(t *testing.T, c *testCluster) *faulty {
	t.Helper()
	return &faulty{killer: newKiller(t, c), counts: map[string]int{}}
}

// measure runs the command and its undoing, without any fault.
func (f *faulty) measure(command, undo []string) {
	f.t.Helper()
	f.do = killCommand{name: strings.Join(command, " "), program: "kubectl-solution", args: command}
	f.undo = killCommand{name: strings.Join(undo, " "), program: "kubectl-solution", args: undo}
	// Once before: it may make folders that stay.
	f.complete(f.do)
	f.complete(f.undo)
	f.before = f.look()
	f.complete(f.do)
	f.after = f.look()
	f.complete(f.undo)
	if diff := difference(f.before.all, f.look().all); diff != "" {
		f.t.Fatalf("%s does not undo %s:\n%s", f.undo.name, f.do.name, diff)
	}
}

func (f *faulty) look() faultState {
	f.t.Helper()
	node, err := os.ReadFile(filepath.Join(f.node, "etc", "metalk8s", "solutions.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	cluster, err := f.cluster.meanings()
	if err != nil {
		f.t.Fatal(err)
	}
	return faultState{node: string(node), cluster: strings.Join(cluster, "\n"), all: f.state()}
}

// judge checks what a fault has left: the file is whole, and the cluster is not
// ahead of it. It tells whether node and cluster are done.
func (f *faulty) judge(point string) (node, cluster bool) {
	f.t.Helper()
	now := f.look()
	f.checkKilled(f.before.all, f.after.all)
	node, cluster = now.node == f.after.node, now.cluster == f.after.cluster
	state := "node as before"
	switch {
	case node:
		state = "node done"
	case now.node != f.before.node:
		f.t.Errorf("%s: solutions.yaml is neither as before nor as after:\n%s", point, now.node)
	}
	switch {
	case cluster:
		state += ", cluster done"
	case now.cluster == f.before.cluster:
		state += ", cluster as before"
	default:
		state += ", cluster in between"
	}
	if !node && now.cluster != f.before.cluster {
		f.t.Errorf("%s: %s:\n%s", point, state, difference(f.before.cluster, now.cluster))
	}
	f.counts[state]++
	return node, cluster
}

// again completes the command, by itself or by another one, and undoes it.
func (f *faulty) again(point string, by killCommand) {
	f.t.Helper()
	f.complete(by)
	if diff := difference(f.after.all, f.state()); diff != "" {
		f.t.Fatalf("%s, and then %s (-without the fault +with it):\n%s", point, by.name, diff)
	}
	f.complete(f.undo)
	if diff := difference(f.before.all, f.state()); diff != "" {
		f.t.Fatalf("%s, done again and undone (-without the fault +with it):\n%s", point, diff)
	}
}

// checkFailure checks that a command has ended with status 1, an error that
// says all of these, and a hint.
func (f *faulty) checkFailure(point string, err error, output string, says ...string) {
	f.t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(output, "\nhint: ") {
		f.t.Errorf("%s: %v, and status 1 with a hint is due:\n%s", point, err, output)
	}
	_, message, _ := strings.Cut("\n"+output, "\nerror: ")
	for _, text := range says {
		if !strings.Contains(message, text) {
			f.t.Errorf("%s: the error does not say %q:\n%s", point, text, output)
		}
	}
}

// report tells what was found, of points struck out of all.
func (f *faulty) report(struck, all int, began time.Time) {
	f.t.Logf("%d of %d points in %v; each was completed by a second run", struck, all, time.Since(began).Round(time.Second))
	for state, n := range f.counts {
		f.t.Logf("%5d %s", n, state)
	}
}
