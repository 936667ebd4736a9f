// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

// startTimeout is for a server to be ready: some three seconds, much more where all of a package's dependencies are
// being compiled at the same time.
const startTimeout = 3 * time.Minute

// remedy is printed, once, when there is no server. (go test shows it with -v or when another test of the package fails;
// so `make test` builds the server first, which takes no time once that was done.)
const remedy = `
  ======================================================================
  NOT TESTED: %v

  These tests need a real Kubernetes API server. Do one of:
    make cluster                    builds bin/devcluster (minutes, once on a machine)
    KUBEBUILDER_ASSETS=folder       with etcd and kube-apiserver in it
    USE_EXISTING_CLUSTER=true       with KUBECONFIG, a cluster to try things on
  ======================================================================

`

// shared is the one server of a test process. It is the package's only state: a test binary has no better place for
// what all its tests share.
var shared = newProcess(func(ctx context.Context) (*Server, error) { return Start(ctx) })

// process starts a server when it is first needed.
type process struct {
	start func(context.Context) (*Server, error)

	mu     sync.Mutex
	inMain bool
	tried  bool
	server *Server
	err    error
}

func newProcess(start func(context.Context) (*Server, error)) *process {
	return &process{start: start}
}

// Main is for TestMain: it runs the tests and then stops the server that they needed, if they did. It returns the exit
// status: os.Exit(apiserver.Main(m)). The options are for that server.
func Main(m *testing.M, with ...Option) int {
	shared.start = func(ctx context.Context) (*Server, error) { return Start(ctx, with...) }
	return shared.main(m, os.Stderr)
}

// Need gives a test the process's server, starting it for the first one that asks; tests may run in parallel and should
// keep to names of their own. Where no server can be had the test is skipped, with the reason and the remedy on standard
// error; it fails instead if the environment says CI=true or the server is there but does not start.
func Need(t testing.TB) *Server {
	t.Helper()
	return shared.need(t, os.Stderr)
}

func (p *process) need(t testing.TB, stderr io.Writer) *Server {
	t.Helper()
	s, err := p.get(context.WithoutCancel(t.Context()), stderr)
	switch {
	case err == nil:
		return s
	case errors.Is(err, ErrNone) && os.Getenv("CI") != "true":
		t.Skipf("NOT TESTED: %v (make cluster)", err)
	default:
		t.Fatalf("%v (make cluster)", err)
	}
	return nil
}

func (p *process) main(m interface{ Run() int }, stderr io.Writer) int {
	p.mu.Lock()
	p.inMain = true
	p.mu.Unlock()
	status := m.Run()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inMain = false
	if p.server == nil {
		return status
	}
	if err := p.server.Stop(); err != nil {
		_, _ = fmt.Fprintf(stderr, "stopping the API server: %v\n", err)
		return max(status, 1)
	}
	return status
}

// get starts the server once; a failure is for all tests of the process.
func (p *process) get(ctx context.Context, stderr io.Writer) (*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.inMain {
		return nil, errors.New("apiserver.Need outside of apiserver.Main: func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }")
	}
	if !p.tried {
		p.tried = true
		ctx, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		if p.server, p.err = p.start(ctx); p.err != nil {
			_, _ = fmt.Fprintf(stderr, remedy, p.err)
		}
	}
	return p.server, p.err
}
