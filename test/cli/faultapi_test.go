// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAPIServerGone takes the API server away at each request of an import, with
// and without what that asks being done. Once it is back, the same command, or
// sync, completes the import.
func TestAPIServerGone(t *testing.T) {
	c := newCluster(t)
	for _, served := range []bool{false, true} {
		t.Run(fmt.Sprintf("served=%t", served), func(t *testing.T) {
			f := newFaulty(t, c)
			f.configure(64)
			proxy := newAPIProxy(t, c)
			f.write("kubeconfig", proxy.kubeconfig())
			two := filepath.Join(f.dir, "two.iso")
			f.measure([]string{"import", two}, []string{"unimport", two})
			proxy.leaveWith(0, false)
			f.complete(f.do)
			requests, began := proxy.count(), time.Now()
			f.complete(f.undo)
			points := faultPoints(requests)
			if !slices.Contains(points, requests) {
				points = append(points, requests) // one that follows the node's step
			}
			for _, n := range points {
				f.takeAway(proxy, n, served)
			}
			f.report(len(points), requests, began)
			const asBefore = "node as before, cluster as before"
			isEach := len(points) == requests && !served // what was served has changed the cluster
			if f.counts[asBefore] == 0 || f.counts[asBefore] == len(points) || isEach && f.counts["node done, cluster as before"] == 0 {
				t.Errorf("found was %v", f.counts)
			}
		})
	}
}

func (f *faulty) takeAway(proxy *apiProxy, request int, served bool) {
	f.t.Helper()
	point := fmt.Sprintf("the API server gone with request %d, served: %t", request, served)
	proxy.leaveWith(request, served)
	cmd, out := f.command(f.do)
	err := cmd.Run()
	node, _ := f.judge(point)
	const halfDone = "the bootstrap node is done, and the cluster is not yet: the API server cannot be reached: "
	const advice = "kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another" +
		"; then run the command again, or kubectl solution sync: it goes on where this one ended"
	if node {
		f.checkFailure(point, err, out.String(), halfDone, advice)
	} else {
		f.checkFailure(point, err, out.String(), "the API server cannot be reached: ")
	}
	if strings.Contains(out.String(), halfDone) != node {
		f.t.Errorf("%s: the node is done: %t, and the command says:\n%s", point, node, out)
	}
	proxy.leave()
	proxy.come()
	by := f.do
	if node && request%2 == 0 {
		by = killCommand{name: "sync", program: "kubectl-solution", args: []string{"sync"}}
	}
	f.again(point, by)
}
