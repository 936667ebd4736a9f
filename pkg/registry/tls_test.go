// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// secure is a server over TLS.
type secure struct {
	*running
	ca     *authority
	folder string // of its files
	client *http.Client
}

// runTLS starts one. Its client trusts it and keeps no connection, but the
// sessions of TLS.
func runTLS(t *testing.T, configure func(*Server), archives ...string) *secure {
	t.Helper()
	s := &secure{ca: newAuthority(t, "servers"), folder: t.TempDir()}
	s.running = runWith(t, func(server *Server) {
		server.TLS.Certificate, server.TLS.Key = s.ca.files(s.folder)
		configure(server)
	}, archives...)
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	s.client = s.newClient(nil)
	return s
}

// newClient returns one with a client certificate, nil for none, which it gives
// whatever the server asks for.
func (s *secure) newClient(pair *tls.Certificate) *http.Client {
	config := &tls.Config{RootCAs: s.ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	if pair != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
}

// answer is what a client gets.
type answer struct {
	status int
	proto  string
	header http.Header
	tls    *tls.ConnectionState
	body   []byte
}

// do sends a request, and reads the answer.
func (s *secure) do(client *http.Client, path string, configure ...func(*http.Request)) (answer, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range configure {
		c(r)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Proto, response.Header, response.TLS, body}, errors.Join(err, response.Body.Close())
}

// answers checks the status of an answer.
func (s *secure) answers(client *http.Client, path string, status int, configure ...func(*http.Request)) {
	s.t.Helper()
	a, err := s.do(client, path, configure...)
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
		return
	}
	if a.status != status || !json.Valid(a.body) {
		s.t.Errorf("%s: status %d, %s; want %d", path, a.status, a.body, status)
	}
}

func (s *secure) ready() (ready readiness) {
	s.t.Helper()
	a, err := s.do(s.client, "/readyz")
	if err := errors.Join(err, json.Unmarshal(a.body, &ready)); err != nil {
		s.t.Fatal(err)
	}
	return ready
}

func TestTLS(t *testing.T) {
	s := runTLS(t, func(*Server) {}, archivetest.New(t).ISO(t))
	a, err := s.do(s.client, "/v2/")
	if err != nil || a.status != http.StatusOK || a.tls.Version != tls.VersionTLS13 || a.proto != "HTTP/1.1" {
		t.Fatalf("%v, %+v", err, a)
	}
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true} {
		client := s.newClient(nil)
		config := client.Transport.(*http.Transport).TLSClientConfig
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, version
		if _, err := s.do(client, "/v2/"); (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	if _, err := s.do(http.DefaultClient, "/v2/"); !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("without the CA: %v", err)
	}
	s.url = strings.Replace(s.url, "https:", "http:", 1)
	if a, err := s.do(s.client, "/v2/"); err != nil || a.status != http.StatusBadRequest {
		t.Errorf("plain HTTP: %+v, %v", a, err)
	}
}

// A pull under way goes on over the certificate with which it began.
func TestCertificateReload(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	s := runTLS(t, func(*Server) {}, iso)
	s.serving(1)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	pull, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer pull.Body.Close()
	serial := func() string {
		a, err := s.do(s.newClient(nil), "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		return a.tls.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	certificate, key := s.ca.issue("next", time.Now().Add(2*time.Hour))
	write(t, filepath.Join(s.folder, "tls.crt"), certificate)
	s.eventually("a certificate without its key is a problem", func() bool { return !s.ready().Ready })
	want := Problem{filepath.Join(s.folder, "tls.crt"), "reading the certificate: " + filepath.Join(s.folder, "tls.crt") + " and " + filepath.Join(s.folder, "tls.key") + ": tls: private key does not match public key"}
	if problems := s.ready().Problems; len(problems) != 1 || problems[0] != want {
		t.Errorf("%q", problems)
	}
	if serial() != before {
		t.Error("the certificate in use has changed")
	}
	write(t, filepath.Join(s.folder, "tls.key"), key)
	s.eventually("the next certificate is in use", func() bool { return serial() != before })
	if ready := s.ready(); !ready.Ready {
		t.Errorf("%+v", ready)
	}
	if n := strings.Count(s.log.String(), "private key does not match"); n != 1 {
		t.Errorf("told %d times:\n%s", n, s.log)
	}
	if got, err := io.ReadAll(pull.Body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestExpiredCertificate(t *testing.T) {
	s := runTLS(t, func(server *Server) {
		ca := newAuthority(t, "servers")
		certificate, key := ca.issue("server", time.Now().Add(-time.Minute))
		write(t, server.TLS.Certificate, certificate)
		write(t, server.TLS.Key, key)
	})
	s.client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	if problems := s.ready().Problems; len(problems) != 1 || !strings.HasPrefix(problems[0].Error, "the certificate has expired on ") {
		t.Errorf("%q", problems)
	}
}

// Authorities are read again too: who is not trusted any more is refused over
// sessions of TLS and connections that are open already, too.
func TestClientCertificates(t *testing.T) {
	clients, others := newAuthority(t, "clients"), newAuthority(t, "others")
	cas := filepath.Join(t.TempDir(), "clients.pem")
	write(t, cas, clients.pem)
	s := runTLS(t, func(server *Server) { server.TLS.ClientCAs = cas })
	one, other := clients.pair("one"), others.pair("other")
	known := s.newClient(&one)
	kept := s.newClient(&one)
	kept.Transport.(*http.Transport).DisableKeepAlives = false
	defer kept.CloseIdleConnections()
	for _, client := range []*http.Client{known, kept, known} {
		s.answers(client, "/v2/", http.StatusOK)
	}
	if a, err := s.do(known, "/v2/"); err != nil || !a.tls.DidResume {
		t.Errorf("no session is resumed: %v", err)
	}
	s.answers(s.client, "/v2/", http.StatusForbidden)
	s.answers(s.client, "/v2/a/b/manifests/1", http.StatusForbidden)
	s.answers(s.client, "/healthz", http.StatusOK)
	s.answers(s.client, "/readyz", http.StatusOK)
	if _, err := s.do(s.newClient(&other), "/healthz"); err == nil {
		t.Error("a certificate of another authority is taken")
	}
	write(t, cas, others.pem)
	s.eventually("another authority is trusted", func() bool {
		a, err := s.do(s.newClient(&other), "/v2/")
		return err == nil && a.status == http.StatusOK
	})
	s.answers(kept, "/v2/", http.StatusForbidden)
	if a, err := s.do(known, "/v2/"); err == nil {
		t.Errorf("with the session of before: status %d", a.status)
	}
	// What cannot be read changes nothing.
	write(t, cas, nil)
	s.eventually("a problem", func() bool { return len(s.ready().Problems) == 1 })
	s.answers(s.newClient(&other), "/v2/", http.StatusOK)
}

func TestBadTLSFiles(t *testing.T) {
	folder := t.TempDir()
	ca := newAuthority(t, "servers")
	certificate, key := ca.files(folder)
	file := func(name string, data []byte) string {
		write(t, filepath.Join(folder, name), data)
		return filepath.Join(folder, name)
	}
	huge := file("huge", make([]byte, maxWatchedBytes+1))
	for want, files := range map[string]TLSFiles{
		"reading the certificate: open /none: no such file or directory":                                                                                  {Certificate: "/none", Key: key},
		"reading the certificate: " + certificate + " and " + certificate + ": tls: found a certificate rather than a key in the PEM for the private key": {Certificate: certificate, Key: certificate},
		"reading the certificate: " + huge + " has more than 4194304 bytes":                                                                               {Certificate: huge, Key: key},
		"reading the client CAs: " + key + ": it has a PRIVATE KEY, and certificates only belong there":                                                   {Certificate: certificate, Key: key, ClientCAs: key},
		"reading the client CAs: " + file("empty", nil) + ": there is no certificate in it":                                                               {Certificate: certificate, Key: key, ClientCAs: filepath.Join(folder, "empty")},
		"reading the client CAs: " + file("text", append(ca.pem, "text"...)) + ": it is not PEM all the way":                                              {Certificate: certificate, Key: key, ClientCAs: filepath.Join(folder, "text")},
	} {
		s := Server{Listen: []string{"127.0.0.1:0"}, TLS: files, Log: slog.New(slog.DiscardHandler)}
		if err := s.Run(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
