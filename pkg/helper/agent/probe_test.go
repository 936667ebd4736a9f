// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

const (
	ready    = `{"ready":true,"archives":[],"problems":[]}`
	notReady = `{"ready":false,"archives":[{"id":"a-1","path":"/a"}],"problems":[{"path":"/b","error":"gone"}]}`
)

// probed asks what a handler serves, as if it were the registry.
func probed(t *testing.T, handler http.HandlerFunc) protocol.RegistryStatus {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return probe(t.Context(), config.Registry{}, server.Listener.Addr().String())
}

func TestProbe(t *testing.T) {
	// A proxy would see what is asked of this node.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string // the error
	}{
		"ready": {func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.String() != "/readyz" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, ready)
		}, ""},
		"not ready": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, notReady)
		}, ""},
		"another program":         {http.NotFound, "what answers there is not this registry: 404 Not Found to http://"},
		"another program's JSON":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ready":true}`) }, "what answers there is not this registry: 200 OK"},
		"a number of archives":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ready":true,"archives":2}`) }, "what answers there is not this registry: 200 OK"},
		"a redirect":              {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/readyz", http.StatusFound) }, "what answers there is not this registry: 302 Found"},
		"the form, with an error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = io.WriteString(w, ready) }, "what answers there is not this registry: 500"},
		"headers without end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			_, _ = io.WriteString(w, ready)
		}, "exceeded 65536 bytes"},
		"a body without end": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "what answers there is not this registry: 200 OK"},
		"a connection that breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := probed(t, tt.handler)
			if (s.Readiness == nil) != (tt.want != "") || (s.Error == "") != (tt.want == "") || !strings.Contains(s.Error, tt.want) {
				t.Errorf("%+v, error %q; want %q", s.Readiness, s.Error, tt.want)
			}
			if s.Readiness != nil && s.Readiness.Ready == (name == "not ready") {
				t.Errorf("%+v", s.Readiness)
			}
		})
	}
}

// A registry with users tells a stranger only whether it is ready.
func TestProbeOfAReservedRegistry(t *testing.T) {
	for _, answer := range []string{`{"ready":true}`, `{"ready":false}`, `{}`, ready} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		t.Cleanup(server.Close)
		s := probe(t.Context(), config.Registry{HTPasswd: "/users"}, server.Listener.Addr().String())
		if (s.Readiness == nil) != (answer == "{}") || s.Readiness != nil && (s.Readiness.Ready == (answer == `{"ready":false}`) || (s.Readiness.Archives == nil) != (answer != ready)) {
			t.Errorf("%s: %+v", answer, s)
		}
	}
}

// One that takes the connection and says nothing is given up.
func TestProbeOfSilence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if s := probe(ctx, config.Registry{}, listener.Addr().String()); s.Error != context.DeadlineExceeded.Error() {
		t.Errorf("%+v", s)
	}
}

func TestReachable(t *testing.T) {
	for host, want := range map[string][]string{
		"": {"127.0.0.1", "::1"}, "0.0.0.0": {"127.0.0.1"}, "::": {"::1", "127.0.0.1"},
		"192.168.1.10": {"192.168.1.10"}, "fd00::1": {"fd00::1"}, "node-1": {"node-1"},
	} {
		if got := reachable(host); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

// Where it listens on all addresses, it is asked on that one of the loopback
// where it answers.
func TestProbeOfAllAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("SKIPPED: there is no %s here: %v", address, err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ready) }))
		if err := server.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		if s := probe(t.Context(), config.Registry{}, ":"+port); s.Readiness == nil {
			t.Errorf("%s: %+v", address, s)
		}
	}
}

// certificate makes a certificate of its own authority, for these names or
// addresses, and returns the path of its file.
func certificate(t *testing.T, until time.Time, names ...string) (string, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The certificate is to be the one that is configured, whatever name it has,
// and valid still.
func TestProbeWithTLS(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	other, _ := certificate(t, tomorrow, "registry.test")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		until      time.Time
		names      []string
		configured string
		want       string
	}{
		"a name":         {tomorrow, []string{"registry.test"}, "", ""},
		"a wildcard":     {tomorrow, []string{"*.registry.test"}, "", ""},
		"an address":     {tomorrow, []string{"192.168.1.10"}, "", ""},
		"expired":        {time.Now().Add(-time.Minute), []string{"registry.test"}, "", "certificate has expired"},
		"no name":        {tomorrow, nil, "", "x509: "},
		"another":        {tomorrow, []string{"registry.test"}, other, "certificate signed by unknown authority"},
		"not there":      {tomorrow, nil, "/nonexistent/c.pem", "reading its certificate: open /nonexistent/c.pem"},
		"no certificate": {tomorrow, nil, empty, "holds none"},
	} {
		t.Run(name, func(t *testing.T) {
			path, pair := certificate(t, tt.until, tt.names...)
			if tt.configured != "" {
				path = tt.configured
			}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ready) }))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			t.Cleanup(server.Close)
			s := probe(t.Context(), config.Registry{TLS: config.TLS{Certificate: path}}, server.Listener.Addr().String())
			if (s.Readiness == nil) != (tt.want != "") || !strings.Contains(s.Error, tt.want) {
				t.Errorf("%+v; want %q", s, tt.want)
			}
		})
	}
}
