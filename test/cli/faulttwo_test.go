// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair are two commands that run at once, and how they are undone: at once too,
// or in turn.
type pair struct {
	name     string
	commands [2][]string
	undo     [2][]string
	inTurn   bool
	// states are those that the one before the other leads to.
	states []string
}

func pairs(folder string) []*pair {
	two, more := filepath.Join(folder, "two.iso"), filepath.Join(folder, "more.iso")
	return []*pair{
		{
			name:     "two imports",
			commands: [2][]string{{"import", two}, {"import", more}},
			undo:     [2][]string{{"unimport", two}, {"unimport", more}},
		}, {
			name:     "an import and an activation",
			commands: [2][]string{{"import", more}, {"activate", "other-solution"}},
			undo:     [2][]string{{"unimport", more}, {"deactivate", "other-solution"}},
		}, {
			name:     "an import and the activation of the latest",
			commands: [2][]string{{"import", two}, {"activate", "example-solution"}},
			undo:     [2][]string{{"activate", "example-solution", "--version", "1.0.0"}, {"unimport", two}},
			inTurn:   true,
		}, {
			name:     "the same import twice",
			commands: [2][]string{{"import", two}, {"import", two}},
			undo:     [2][]string{{"unimport", two}, {"unimport", two}},
		},
	}
}

// TestTwoAtOnce runs two commands at once, time and again: both succeed, and
// nothing that one has done is lost.
func TestTwoAtOnce(t *testing.T) {
	f := newFaulty(t, newCluster(t))
	f.configure(64)
	f.archive("more.iso", archiveOptions{name: "more", version: "1.0.0", operator: true})
	f.archive("other.iso", archiveOptions{name: "other-solution", version: "1.0.0", operator: true})
	f.solution("import", filepath.Join(f.dir, "other.iso"))
	all, before := pairs(f.dir), f.state()
	for _, p := range all {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			f.inTurn(p.commands, order)
			p.states = append(p.states, f.state())
			f.inTurn(p.undo, [2]int{0, 1})
		}
	}
	rounds, began := numberOf(envFaultRounds, faultRounds), time.Now()
	for _, p := range all {
		seen := map[string]int{}
		for range rounds {
			f.atOnce(p.name, p.commands, p.states, seen)
			if p.inTurn {
				f.inTurn(p.undo, [2]int{0, 1})
				continue
			}
			f.atOnce("undoing "+p.name, p.undo, []string{before}, seen)
		}
		t.Logf("%s, %d times: of the commands, said was %v", p.name, rounds, seen)
	}
	t.Logf("%d rounds in %v", rounds*len(all), time.Since(began).Round(time.Second))
}

func (f *faulty) inTurn(commands [2][]string, order [2]int) {
	f.t.Helper()
	for _, i := range order {
		f.solution(commands[i]...)
	}
}

// atOnce runs two commands at once, and counts which of them met.
func (f *faulty) atOnce(name string, commands [2][]string, states []string, seen map[string]int) {
	f.t.Helper()
	var running [2]*exec.Cmd
	var outputs [2]*strings.Builder
	for i, args := range commands {
		running[i], outputs[i] = f.command(killCommand{program: "kubectl-solution", args: args})
	}
	for _, cmd := range running {
		if err := cmd.Start(); err != nil {
			f.t.Fatal(err)
		}
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			f.t.Fatalf("%s: %v: %v\n%s", name, commands[i], err, outputs[i])
		}
		for _, text := range []string{"someone else made a change", "waiting for"} {
			if strings.Contains(outputs[i].String(), text) {
				seen[text]++
			}
		}
	}
	if now := f.state(); !slices.Contains(states, now) {
		f.t.Fatalf("%s at once has led to something else than one after the other (-after +at once):\n%s\n%s\n%s",
			name, difference(states[0], now), outputs[0], outputs[1])
	}
}
