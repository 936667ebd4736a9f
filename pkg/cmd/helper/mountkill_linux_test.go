// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// killRounds is KILL_ROUNDS, or else few.
func killRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KILL_ROUNDS")
	if text == "" {
		return 5
	}
	rounds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return rounds
}

// killed runs an agent and kills it after a random part of the time that it
// needs, and tells whether it was in time for that.
func (n *mountNode) killed(req protocol.Request, needs time.Duration) bool {
	n.t.Helper()
	cmd := n.agent(req)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(rand.N(needs))
	_ = cmd.Process.Kill() // it may have ended
	return cmd.Wait() != nil
}

// An agent that is killed anywhere leaves what the next command completes:
// every archive mounted once, and none that is not listed. An empty folder may
// stay: it could be for a mount of someone else.
func TestMountKilled(t *testing.T) {
	n := newMountNode(t, mount.FUSE)
	one, two := n.archive("1.0.0"), n.archive("2.0.0")
	imports := protocol.Request{Import: &protocol.ImportRequest{Archives: []string{one, two}}}
	unimports := protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{one, two}}}
	start := time.Now()
	n.run(n.agent(imports))
	importNeeds := time.Since(start)
	start = time.Now()
	n.run(n.agent(unimports))
	unimportNeeds := time.Since(start)
	kills := 0
	for range killRounds(t) {
		if n.killed(imports, importNeeds) {
			kills++
		}
		n.run(n.agent(imports))
		n.wantMounted("1.0.0", "2.0.0")
		if n.killed(unimports, unimportNeeds) {
			kills++
		}
		n.sync()
		var left []string
		for _, a := range n.state().Archives {
			left = append(left, a.Content.Version)
		}
		n.wantMounted(left...)
		n.run(n.agent(unimports))
		n.wantMounted()
	}
	t.Logf("killed %d times", kills)
}
