// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

var errBroken = errors.New("broken pipe")

// leaver is a client that reads some events and then is gone.
type leaver struct {
	bytes.Buffer
	left int
}

func (l *leaver) Write(p []byte) (int, error) {
	if l.left--; l.left < 0 {
		return 0, errBroken
	}
	return l.Buffer.Write(p)
}

func request(t *testing.T, req protocol.Request) io.Reader {
	t.Helper()
	req.Protocol = protocol.Version
	data, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(data)
}

// Whenever the client goes before the change is made, it is not made; and the
// lock is free.
func TestClientGone(t *testing.T) {
	n := newNode(t)
	first, second := n.archive("1.0.101"), n.archive("1.0.102")
	n.importAll(first)
	for _, req := range []protocol.Request{
		{Import: &protocol.ImportRequest{Archives: []string{second}}},
		{Activate: &protocol.ActivateRequest{Name: solutionName}},
		{Deactivate: &protocol.DeactivateRequest{Name: solutionName}},
		{Unimport: &protocol.UnimportRequest{Archives: []string{first}}},
	} {
		before, made := n.configuration(), false
		for events := 0; !made; events++ {
			client := &leaver{left: events}
			err := n.agent().Serve(t.Context(), request(t, req), client)
			made = n.configuration() != before || strings.Contains(client.String(), `"result"`)
			if !made && (!errors.Is(err, agent.ErrGone) || !errors.Is(err, errBroken)) {
				t.Errorf("gone after %d events: %v", events, err)
			}
			// Once the change is made it is too late, and that is after the last
			// event before the result.
			if made && !strings.Contains(client.String(), `{"alive":{}}`) {
				t.Errorf("changed for a client that was gone after %d events:\n%s", events, client)
			}
			if events > 20 {
				t.Fatalf("never done:\n%s", client)
			}
		}
		t.Logf("%q", n.configuration())
	}
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// An agent that waits says for whom, stays to be heard of, and stops waiting
// when its client is gone.
func TestWaitingForLock(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.101"))
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	before := n.configuration()
	a := n.agent()
	a.AliveEvery = 50 * time.Millisecond
	client := &leaver{left: 8}
	err = a.Serve(t.Context(), request(t, protocol.Request{Activate: &protocol.ActivateRequest{Name: solutionName}}), client)
	if !errors.Is(err, agent.ErrGone) || n.configuration() != before {
		t.Errorf("%v\n%s", err, n.configuration())
	}
	text := client.String()
	if strings.Count(text, `"step":"waiting for alice@laptop (pid `) != 1 || strings.Count(text, `{"alive":{}}`) != 6 || !strings.Contains(text, `"aliveEvery":0.05`) {
		t.Errorf("events\n%s", text)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

// A client that is to keep the input open, and does not, is gone, also where its
// output is still taken: the agent stops waiting, and changes nothing.
func TestInputEnds(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.101"))
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	before := n.configuration()
	in, client := io.Pipe()
	waits := writer(func(p []byte) (int, error) {
		if strings.Contains(string(p), "waiting for alice") {
			client.Close()
		}
		return len(p), nil
	})
	req := protocol.Request{KeepStdinOpen: true, Activate: &protocol.ActivateRequest{Name: solutionName}}
	err = n.agent().Serve(t.Context(), io.MultiReader(request(t, req), strings.NewReader("\n"), in), waits)
	if !errors.Is(err, agent.ErrGone) || !errors.Is(err, io.EOF) || n.configuration() != before {
		t.Errorf("%v\n%s", err, n.configuration())
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	// While the input is open the client is there.
	in, client = io.Pipe()
	defer client.Close()
	if err := n.agent().Serve(t.Context(), io.MultiReader(request(t, req), strings.NewReader("\n"), in), io.Discard); err != nil || n.configuration() == before {
		t.Errorf("%v\n%s", err, n.configuration())
	}
}

// Nothing keeps an agent whose client is gone, not even an output that neither
// takes anything nor ends.
func TestOutputBlocks(t *testing.T) {
	n := newNode(t)
	in, client := io.Pipe()
	blocked := make(chan struct{})
	defer close(blocked)
	stuck := writer(func(p []byte) (int, error) {
		if strings.Contains(string(p), `"result"`) {
			client.Close()
			<-blocked
		}
		return len(p), nil
	})
	a := n.agent()
	a.AliveEvery = 50 * time.Millisecond
	req := protocol.Request{KeepStdinOpen: true, List: &protocol.ListRequest{}}
	if err := a.Serve(t.Context(), io.MultiReader(request(t, req), strings.NewReader("\n"), in), stuck); !errors.Is(err, agent.ErrGone) {
		t.Errorf("%v", err)
	}
}
