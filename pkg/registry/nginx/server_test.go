// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

var listenPattern = regexp.MustCompile(`(?m)^ +listen (.*);$`)

func TestListen(t *testing.T) {
	block, err := nginx.Server{Listen: []string{":5000", "[::]:5000", "0.0.0.0:5000", "192.168.1.10:80", "[fd00::1]:80", "node-1.example.com:443"}, Include: "/etc/nginx/*.inc"}.Block()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range listenPattern.FindAllStringSubmatch(block, -1) {
		got = append(got, m[1])
	}
	want := []string{"0.0.0.0:5000", "[::]:5000", "192.168.1.10:80", "[fd00::1]:80", "node-1.example.com:443"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, s := range map[string]nginx.Server{
		"no port":    {Listen: []string{"node"}},
		"any port":   {Listen: []string{":0"}},
		"a port":     {Listen: []string{":70000"}},
		"a host":     {Listen: []string{"a;b:80"}},
		"a variable": {Listen: []string{"$host:80"}},
		"a path":     {Listen: []string{":80"}, Certificate: "c.pem", Key: "/k"},
		"a quote":    {Listen: []string{":80"}, Include: `/a"b`},
	} {
		if block, err := s.Block(); err == nil || block != "" {
			t.Errorf("%s: taken", name)
		}
	}
}

// With a certificate it answers over TLS, and with authorities of clients to
// these only.
func TestTLS(t *testing.T) {
	certificate, key, pair := newPair(t)
	address := net.JoinHostPort("127.0.0.1", freePort(t))
	block, err := nginx.Server{Listen: []string{address}, Certificate: certificate, Key: key, ClientCAs: certificate}.Block()
	if err != nil {
		t.Fatal(err)
	}
	start(t, address, block)
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	for want, pairs := range map[int][]tls.Certificate{http.StatusOK: {pair}, http.StatusBadRequest: nil} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "registry.test", Certificates: pairs}}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != want {
			t.Errorf("status %d, want %d; %v", response.StatusCode, want, err)
		}
	}
}

// newPair makes a certificate of its own authority, and returns the paths of
// its files, too.
func newPair(t *testing.T) (certificate, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"registry.test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	write(t, certificate, string(certificatePEM))
	write(t, key, string(keyPEM))
	if pair, err = tls.X509KeyPair(certificatePEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return certificate, key, pair
}
