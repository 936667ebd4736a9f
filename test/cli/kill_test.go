// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// killRounds is how many commands are killed, unless envKillRounds says so:
// each of those in killCommands six times, with its victims in turn.
const (
	killRounds    = 42
	envKillRounds = "KILL_ROUNDS"
)

// killCommands lead back to where they begin: version 1 is imported and
// active, and nothing runs in Environment staging.
func killCommands(archive string) []killCommand {
	add := func(version string) []string {
		return []string{"add-solution", "staging", "--solution", "example-solution", "--version", version, "--wait=false"}
	}
	return []killCommand{
		{name: "import", program: "kubectl-solution", args: []string{"import", archive}},
		{name: "activate latest", program: "kubectl-solution", args: []string{"activate", "example-solution"}},
		{name: "add-solution 1.0.0", program: "kubectl-environment", args: add("1.0.0")},
		{name: "add-solution 2.0.0", program: "kubectl-environment", args: add("2.0.0")},
		{name: "delete-solution", program: "kubectl-environment", args: []string{"delete-solution", "staging", "--solution", "example-solution"}},
		{name: "activate 1.0.0", program: "kubectl-solution", args: []string{"activate", "example-solution", "--version", "1.0.0"}},
		{name: "unimport", program: "kubectl-solution", args: []string{"unimport", archive}},
	}
}

// Whenever a command is killed, and with it or alone the helper on the
// bootstrap node: done again, it ends as if it had been done once.
func TestKill(t *testing.T) {
	k := newKiller(t, newCluster(t))
	commands := killCommands(k.prepare())
	before := k.state()
	k.measure(commands)
	if diff := difference(before, commands[len(commands)-1].want); diff != "" {
		t.Fatalf("the commands do not lead back to where they began:\n%s", diff)
	}
	rounds := killRounds
	if value, err := strconv.Atoi(os.Getenv(envKillRounds)); err == nil {
		rounds = value
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	hits := map[string]int{}
	for round := range rounds {
		command := commands[round%len(commands)]
		v := victimOf(command, round)
		delay := time.Duration(random.Float64() * float64(command.duration))
		if k.kill(command, v, delay, random) {
			hits[string(v)]++
			hits[command.name]++
		}
		k.checkKilled(before, command.want)
		k.complete(command)
		k.waitGone()
		if diff := difference(command.want, k.state()); diff != "" {
			t.Fatalf("round %d, seed %d: %s, of which %s was killed after %v, and that was done again (-once +twice):\n%s",
				round, seed, command.name, v, delay, diff)
		}
		before = command.want
	}
	k.checkLitter()
	t.Logf("seed %d", seed)
	reportHits(t, hits, rounds)
}

// measure does what is to be killed later, and notes how long that takes and
// where it leads to.
func (k *killer) measure(commands []killCommand) {
	k.t.Helper()
	for i := range commands {
		began := time.Now()
		k.complete(commands[i])
		commands[i].duration = time.Since(began)
		commands[i].want = k.state()
		k.t.Logf("%s takes %v", commands[i].name, commands[i].duration.Round(time.Millisecond))
	}
}

// victimOf takes turns, as far as a command has a helper.
func victimOf(c killCommand, round int) victim {
	if c.program != "kubectl-solution" {
		return wholeGroup
	}
	return victims[round%len(victims)]
}

// reportHits fails a test that kills what has ended already.
func reportHits(t *testing.T, hits map[string]int, rounds int) {
	t.Helper()
	total := 0
	for _, v := range victims {
		total += hits[string(v)]
	}
	t.Logf("%d rounds, of which %d killed something that ran:", rounds, total)
	for _, name := range slices.Sorted(maps.Keys(hits)) {
		t.Logf("%5d %s", hits[name], name)
	}
	if total < rounds/2 {
		t.Errorf("only %d of %d kills killed something", total, rounds)
	}
}

// state is what is on the node and in the cluster, without what differs
// between two runs that come to the same.
func (k *killer) state() string {
	k.t.Helper()
	s, err := k.cluster.state(k.node)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

// checkKilled looks at what a command that was killed has left: half of its
// work may be done, but no file is half written, and nothing is lost.
func (k *killer) checkKilled(before, after string) {
	k.t.Helper()
	files, err := nodeFiles(k.node, noteText)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, line := range files {
		isLitter := strings.HasPrefix(line, "file /etc/metalk8s/.solutions.yaml.tmp") || strings.HasPrefix(line, "file /var/lib/metalk8s/solutions/.two.iso.part")
		if !isLitter && !strings.Contains(before, line) && !strings.Contains(after, line) {
			k.t.Errorf("the node has %s", line)
		}
	}
	records := k.configMap(v1alpha1.SolutionsConfigMap)
	data, _, err := unstructured.NestedStringMap(records.Object, "data")
	if err == nil {
		var decoded map[string][]v1alpha1.SolutionRecord
		decoded, err = plan.DecodeRecords(data)
		if !slices.ContainsFunc(decoded["example-solution"], func(r v1alpha1.SolutionRecord) bool { return r.Version == "1.0.0" }) {
			k.t.Errorf("version 1.0.0 is not recorded any more: %v", data)
		}
	}
	if err != nil {
		k.t.Error(err)
	}
	k.configMap(v1alpha1.ContentConfigMapName("example-solution-1.0.0"))
}

func (k *killer) configMap(name string) *unstructured.Unstructured {
	k.t.Helper()
	o, err := k.cluster.client.Resource(namespacedResources[0]).Namespace(v1alpha1.Namespace).Get(k.cluster.ctx, name, metav1.GetOptions{})
	if err != nil {
		k.t.Fatal(err)
	}
	return o
}

// checkLitter fails for files that are not those that prepare has made.
func (k *killer) checkLitter() {
	k.t.Helper()
	var files []string
	for _, dir := range []string{k.dir, filepath.Join(k.dir, "tmp"), filepath.Join(k.node, "etc", "metalk8s")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, e := range entries {
			files = append(files, strings.TrimPrefix(filepath.Join(dir, e.Name()), k.dir+"/"))
		}
	}
	slices.SortFunc(files, cmp.Compare)
	want := []string{"home", "kubeconfig", "node", "node/etc/metalk8s/solutions.yaml", "node/etc/metalk8s/solutions.yaml.lock", "one.iso", "solution-bootstrap.yaml", "tmp", "two.iso"}
	if diff := gocmp.Diff(want, files); diff != "" {
		k.t.Errorf("files (-want +got):\n%s", diff)
	}
}
