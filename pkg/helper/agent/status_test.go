// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
)

// serverLog is what a server writes, for another goroutine to read.
type serverLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *serverLog) find(pattern *regexp.Regexp) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return pattern.FindStringSubmatch(l.text.String())
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serveImages runs the registry of a node, and returns where it listens.
func (n *node) serveImages() string {
	n.t.Helper()
	l := &serverLog{}
	server := registry.Server{Listen: []string{"127.0.0.1:0"}, File: n.agent().Configuration.SolutionsFile(), Checked: n.agent().Configuration.VerifiedFolder(), Log: slog.New(slog.NewTextHandler(l, nil))}
	ctx, stop := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	n.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if m := l.find(listening); m != nil {
			return m[1]
		}
		if time.Now().After(deadline) {
			n.t.Fatal("the registry does not listen")
		}
	}
}

// askStatus has an agent answer a StatusRequest.
func (n *node) askStatus(a *agent.Agent) *protocol.Status {
	n.t.Helper()
	events := n.serve(a, protocol.Request{Status: &protocol.StatusRequest{}})
	s := &protocol.Status{}
	if err := json.Unmarshal(events[len(events)-1].Result, s); err != nil {
		n.t.Fatalf("%+v: %v", events, err)
	}
	return s
}

func TestStatus(t *testing.T) {
	n := newNode(t)
	one, two := n.archive("1.0.101"), n.archive("1.0.102")
	missing := filepath.Join(n.archives, "missing.iso")
	n.configure("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + one + ", " + missing + ", " + two + "]\nactive: {example-solution: latest}\n")
	resultOf[protocol.NodeState](n, protocol.Request{List: &protocol.ListRequest{Verify: true}}) // notes that they are whole
	a := n.agent()
	address := n.serveImages()
	a.Configuration.Registry.Listen = []string{address, "127.0.0.1:1", "127.0.0.1:0"}
	a.ConfigurationPath = n.write("solution-bootstrap.yaml", nil)
	s := n.askStatus(a)
	if s.Version != "1.2.3" || s.Protocol != protocol.Version || s.ConfigurationPath != a.ConfigurationPath || s.SolutionsPath != a.Configuration.SolutionsFile().Path || s.Error != "" {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(a.Configuration, s.Configuration); diff != "" {
		t.Error(diff)
	}
	if s.State == nil || len(s.State.Archives) != 3 || s.State.Active["example-solution"] != "1.0.102" || s.State.Archives[1].Error == "" {
		t.Errorf("%+v", s.State)
	}
	want := []protocol.RegistryStatus{
		{Listen: address, Readiness: &protocol.Readiness{
			Archives: []protocol.ServedArchive{{ID: "example-solution-1.0.101", Path: one}, {ID: "example-solution-1.0.102", Path: two}},
			Problems: []protocol.ServingProblem{{Path: missing, Error: "opening " + missing + ": no such file or directory"}},
		}},
		{Listen: "127.0.0.1:1", Error: "dial tcp 127.0.0.1:1: connect: connection refused"},
		{Listen: "127.0.0.1:0", Error: "its port is any that is free, so it cannot be asked"},
	}
	if diff := cmp.Diff(want, s.Registry); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What is wrong with the node is told, and is no error.
func TestStatusOfABrokenNode(t *testing.T) {
	n := newNode(t)
	n.configure("archives: [")
	a := n.agent()
	a.ConfigurationPath = filepath.Join(n.root, "nothere.yaml")
	a.Configuration.Registry.Listen = []string{"127.0.0.1:1"}
	s := n.askStatus(a)
	if s.State != nil || s.Error == "" || s.ConfigurationPath != "" || len(s.Registry) != 1 || s.Registry[0].Error == "" {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(s.SolutionsPath); err != nil {
		t.Error(err)
	}
}
