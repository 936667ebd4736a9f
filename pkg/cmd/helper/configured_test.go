// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

// Every field of the configuration reaches the server. The files are made with
// the programs that administrators use.
func TestServeConfigured(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	users, err := exec.CommandContext(t.Context(), need.Program(t, "htpasswd"), "-nbB", "alice", "secret").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("users"), users, 0o600); err != nil {
		t.Fatal(err)
	}
	request := exec.CommandContext(t.Context(), need.Program(t, "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=node",
		"-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path("key"), "-out", path("certificate"))
	if out, err := request.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := newNode(t)
	text := strings.NewReplacer("ROOT", t.TempDir(), "DIR", folder).Replace(`
root: ROOT
registry:
  listen: ['127.0.0.1:0', '[::1]:0']
  accessLog: true
  tls: {certificate: DIR/certificate, key: DIR/key, clientCAs: DIR/certificate}
  htpasswd: DIR/users
metrics: {listen: ['127.0.0.1:0']}
`)
	if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, addresses := n.serve()
	ca, err := os.ReadFile(path("certificate"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(path("certificate"), path("key"))
	if err != nil {
		t.Fatal(err)
	}
	for url, tt := range map[string]struct {
		certificates []tls.Certificate
		want         int
	}{
		"https://" + addresses[0] + "/v2/":              {nil, http.StatusUnauthorized},
		"https://alice:secret@" + addresses[0] + "/v2/": {nil, http.StatusOK},
		"https://" + addresses[0] + "/v2/?certificate":  {[]tls.Certificate{pair}, http.StatusOK},
		"http://" + n.metrics + "/metrics":              {nil, http.StatusOK},
	} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: tt.certificates}}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d", url, response.StatusCode, tt.want)
		}
	}
}
