// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
	"github.com/metalk8s/kubectl-solution/test/script"
)

// envGate is the socket of a gate: at it, each helper waits after each of its
// events until the test lets it go on.
const envGate = "TEST_GATE"

// gatedHelper is solution-bootstrap that waits at the gate.
func gatedHelper() {
	out := gatedOutput{socket: os.Getenv(envGate)}
	os.Exit(cli.Execute(helper.NewProgram("solution-bootstrap", os.Stdin, out, os.Stderr, script.Version)))
}

// gatedOutput is a helper's standard output, which is written an event at a
// time.
type gatedOutput struct{ socket string }

func (g gatedOutput) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	if err != nil {
		return n, err
	}
	gate, err := net.Dial("unix", g.socket) //nolint:noctx // it is there, or the test has ended
	if err != nil {
		return n, err
	}
	defer gate.Close()
	waitRead()
	if err := json.NewEncoder(gate).Encode(arrival{PID: os.Getpid(), Event: p}); err != nil {
		return n, err
	}
	_, err = io.Copy(io.Discard, gate) // until the test closes it
	return n, err
}

// waitRead waits until what was written has been read, where that is a pipe and
// its other end has not gone.
func waitRead() {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Microsecond) {
		if unread, err := unix.IoctlGetInt(int(os.Stdout.Fd()), unix.TIOCINQ); err != nil || unread == 0 {
			return
		}
	}
}

// arrival is a helper at the gate: its process, and the event that it has just
// written.
type arrival struct {
	PID   int             `json:"pid"`
	Event json.RawMessage `json:"event"`
}

// gate is where helpers arrive. They come one after the other.
type gate struct {
	t        *testing.T
	listener net.Listener
	running  sync.WaitGroup

	mu       sync.Mutex
	arrivals []arrival
	// at is called with the number of each arrival, from 1, before it may go on.
	at func(n int, a arrival)
}

func newGate(t *testing.T) *gate {
	t.Helper()
	folder, err := os.MkdirTemp("", "gate") //nolint:usetesting // the path of a socket is to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	g := &gate{t: t}
	if g.listener, err = net.Listen("unix", filepath.Join(folder, "socket")); err != nil { //nolint:noctx // it ends with the test
		t.Fatal(err)
	}
	g.running.Go(g.accept)
	t.Cleanup(func() {
		_ = g.listener.Close()
		g.running.Wait()
	})
	return g
}

// environment is what leads helpers to the gate.
func (g *gate) environment() string { return envGate + "=" + g.listener.Addr().String() }

// reset forgets who has arrived, and has at be called for whoever does.
func (g *gate) reset(at func(n int, a arrival)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrivals, g.at = nil, at
}

// all returns who has arrived.
func (g *gate) all() []arrival {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.arrivals
}

func (g *gate) accept() {
	for {
		conn, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.arrive(conn)
	}
}

func (g *gate) arrive(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	var a arrival
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		return // it was killed
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrivals = append(g.arrivals, a)
	if g.at != nil {
		g.at(len(g.arrivals), a)
	}
}

// kind is the event's, such as "progress".
func (a arrival) kind() string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(a.Event, &fields); err != nil {
		return fmt.Sprintf("%.80q", a.Event)
	}
	for name := range fields {
		return name
	}
	return "nothing"
}
