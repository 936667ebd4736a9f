// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// apiProxy stands before the API server, and can be gone as that may be: nobody
// listens any more.
type apiProxy struct {
	t       *testing.T
	forward *httputil.ReverseProxy
	address string

	mu       sync.Mutex
	server   *http.Server // nil while it is gone
	running  sync.WaitGroup
	requests int
	// last is the number of the request with which it goes, 0 for none; served
	// says that the API server is still asked then, and only its answer lost.
	last   int
	served bool
}

// newAPIProxy starts a proxy, which lets its clients in as the administrator.
func newAPIProxy(t *testing.T, c *testCluster) *apiProxy {
	t.Helper()
	transport, err := rest.TransportFor(c.server.Config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(c.server.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &apiProxy{t: t, address: "127.0.0.1:0", forward: &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}}
	p.come()
	t.Cleanup(p.leave)
	return p
}

// kubeconfig is one with which the proxy is the API server.
func (p *apiProxy) kubeconfig() string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "proxy",
"clusters": [{"name": "proxy", "cluster": {"server": "http://%s"}}],
"contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "none"}}]}`, p.address)
}

// come lets the API server be there, again.
func (p *apiProxy) come() {
	p.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(p.t.Context(), "tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address, p.requests, p.last = listener.Addr().String(), 0, 0
	server := &http.Server{Handler: p} //nolint:gosec // its clients are this test's
	p.server = server
	p.running.Go(func() { _ = server.Serve(listener) })
}

// leave ends all connections, and takes no further ones.
func (p *apiProxy) leave() {
	p.mu.Lock()
	server := p.server
	p.server = nil
	p.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	p.running.Wait()
}

// leaveWith has the proxy leave with one of the requests to come.
func (p *apiProxy) leaveWith(request int, served bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.last, p.served = 0, request, served
}

// count is how many requests there have been since leaveWith or come.
func (p *apiProxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *apiProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	isLast, server := p.requests == p.last, p.server
	p.mu.Unlock()
	if !isLast {
		p.forward.ServeHTTP(w, r)
		return
	}
	if p.served {
		p.forward.ServeHTTP(lost{http.Header{}}, r)
	}
	_ = server.Close()
	panic(http.ErrAbortHandler)
}

// lost is an answer that nobody gets.
type lost struct{ header http.Header }

func (l lost) Header() http.Header         { return l.header }
func (l lost) Write(p []byte) (int, error) { return len(p), nil }
func (l lost) WriteHeader(int)             {}
