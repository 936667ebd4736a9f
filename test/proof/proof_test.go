// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m, apiserver.WithAuditLog())) }

// Variables that choose the situations. Some follow on each other in one world: world n alone is -run 'TestPlans/^n$'.
const (
	envSeed       = "PROOF_SEED"
	envSituations = "PROOF_SITUATIONS"
)

const (
	defaultSituations = 20
	// defaultSeed is a fixed one, so that a change is tried in the same situations before and after it.
	defaultSeed = 31
	// inOneWorld is how many situations follow on each other, since to build a world takes longer than to try something in it.
	inOneWorld = 5
)

// TestPlans makes situations up, and in each has an operation planned and carried out.
func TestPlans(t *testing.T) {
	server := apiserver.Need(t)
	if !server.HasAuditLog() || !server.HasControllers {
		t.Skip("this API server has no audit log, or no controllers")
	}
	seed := number(t, envSeed, defaultSeed)
	if seed == 0 {
		seed = time.Now().UnixNano()%1_000_000 + 1
	}
	t.Logf("%s=%d", envSeed, seed)
	objects, err := dynamic.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		dynamic:   objects,
		server:    server,
		cluster:   inprocess.Cluster(t, server.Config, agent),
		strangers: inprocess.Cluster(t, server.Config, strangersAgent),
	}
	situations := number(t, envSituations, defaultSituations)
	for i := range (situations + inOneWorld - 1) / inOneWorld {
		t.Run(strconv.FormatInt(i, 10), func(t *testing.T) {
			s := &situation{
				world: w, t: t, rng: rand.New(rand.NewPCG(uint64(seed), uint64(i))),
				token: fmt.Sprintf("t%04d", i+1), node: inprocess.NewNode(t),
			}
			defer s.cleanUp()
			defer s.report(seed, i)
			s.build()
			for range min(inOneWorld, situations-i*inOneWorld) {
				s.createObjects()
				s.prove(s.choose())
				if t.Failed() {
					return
				}
				s.refresh()
			}
		})
	}
}

// number returns the value of a variable.
func number(t *testing.T, name string, byDefault int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s: %v", name, text, err)
	}
	return n
}

// report says, of a situation that has failed, what it was.
func (s *situation) report(seed, i int64) {
	if s.t.Failed() || testing.Verbose() {
		s.t.Logf("%s=%d, world %d:\n- %s", envSeed, seed, i, strings.Join(s.story, "\n- "))
	}
}

// attempt is what came of an operation.
type attempt struct {
	result *action.Result
	err    error
	writes []string
	// node is what was written on the bootstrap node: solutions.yaml before and after.
	before, after string
}

// try has the operation done, and notes what was written.
func (s *situation) try(o *operation, dryRun action.DryRun) attempt {
	s.t.Helper()
	a := attempt{before: s.node.Configuration()}
	since, err := s.server.Mark()
	s.must(err)
	a.result, a.err = o.run(s.t.Context(), action.Options{Options: s.accepted, DryRun: dryRun})
	writes, err := s.server.Writes(s.t.Context(), since, apiserver.Client{Agent: agent})
	s.must(err)
	for _, w := range writes {
		a.writes = append(a.writes, line(w))
	}
	a.after = s.node.Configuration()
	return a
}

// line is a write as it is compared: its verb and what it is about, and the code where it failed.
func line(w apiserver.Write) string {
	isExpected := w.Code < 300 || w.Verb == "delete" && w.Code == 404
	text, code, _ := strings.Cut(w.String(), ": ")
	if isExpected {
		return text
	}
	return text + " failed: " + code
}

// prove has the operation planned and done, and checks what the package's description says.
func (s *situation) prove(o *operation) {
	s.t.Helper()
	first, _ := o.run(s.t.Context(), action.Options{DryRun: action.DryRunClient})
	if o.everything {
		s.forgetUnknown()
	}
	if first.Plan != nil {
		s.disturb(o, first.Plan)
	}
	s.tell("operation: %s", o.words)
	s.accept(s.try(o, action.DryRunServer))
	onClient := s.try(o, action.DryRunClient)
	onServer := s.try(o, action.DryRunServer)
	s.checkNothing("dry run on the client", onClient)
	s.checkNothing("dry run on the server", onServer)
	before := s.snapshot(onServer.result.Plan)
	foreign := s.foreignNow(o)
	objects := s.customResources()
	asked := len(s.node.Requests)
	done := s.try(o, action.DryRunNone)
	asked = len(s.node.Requests) - asked
	if o.requests > 0 && asked > o.requests {
		s.t.Errorf("the helper was asked %d times, and at most %d are enough", asked, o.requests)
	}
	s.checkSame(onClient, onServer, done)
	s.checkWrites(o, done)
	s.checkFields(o, done.result.Plan, before)
	s.checkForeign(foreign)
	s.checkDestroyed(done, objects)
	s.checkAgain(o, done)
	s.outcome(done)
}

// accept accepts some of what is refused.
func (s *situation) accept(a attempt) {
	if a.result.Plan == nil {
		return
	}
	for _, r := range a.result.Plan.Refusals {
		_, name, adoptable := strings.Cut(r.Remedy, "--adopt ")
		_, losing, loses := strings.Cut(r.Remedy, "--accept-crd-loss ")
		switch {
		case chance(s.rng, 40):
		case adoptable:
			target, err := plan.ParseAdoptTarget(name)
			s.must(err)
			s.accepted.Adopt = append(s.accepted.Adopt, target)
			s.tell("with --adopt %s", name)
			s.adopt(name)
		case loses:
			s.accepted.AcceptLoss = append(s.accepted.AcceptLoss, losing)
			s.tell("with --accept-crd-loss %s", losing)
		}
	}
}

// outcome adds what came of the operation to the story.
func (s *situation) outcome(a attempt) {
	if a.result.Plan == nil {
		s.tell("outcome: no plan: %v", a.err)
		return
	}
	counts := map[plan.Action]int{}
	for _, c := range a.result.Plan.Changes {
		counts[c.Action]++
	}
	s.tell("outcome: %v, %d refusals, destroys %q, error %v", counts, len(a.result.Plan.Refusals), a.result.Plan.Destroys, a.err)
}
