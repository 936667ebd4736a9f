// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/tls"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// protected is a server that wants a certificate or a password.
func protected(t *testing.T) (s *secure, clients *authority) {
	t.Helper()
	clients = newAuthority(t, "clients")
	s = runTLS(t, func(server *Server) {
		server.TLS.ClientCAs, server.HTPasswd = filepath.Join(t.TempDir(), "clients.pem"), writeUsers(t, "alice", "pass word")
		write(t, server.TLS.ClientCAs, clients.pem)
	}, archivetest.New(t).ISO(t))
	s.serving(1)
	return s, clients
}

// go-containerregistry, which crane is made of.
func TestGoContainerRegistrySecure(t *testing.T) {
	s, clients := protected(t)
	tag, err := name.NewTag(strings.TrimPrefix(s.url, "https://") + "/" + id + "/example-solution-ui:1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	trust := &tls.Config{RootCAs: s.ca.pool()}
	identified := &tls.Config{RootCAs: s.ca.pool(), Certificates: []tls.Certificate{clients.pair("node")}}
	for what, tt := range map[string]struct {
		config *tls.Config
		auth   authn.Authenticator
		want   string
	}{
		"a password":       {trust, &authn.Basic{Username: "alice", Password: "pass word"}, ""},
		"a certificate":    {identified, authn.Anonymous, ""},
		"nothing":          {trust, authn.Anonymous, "UNAUTHORIZED"},
		"a wrong password": {trust, &authn.Basic{Username: "alice", Password: "password"}, "UNAUTHORIZED"},
	} {
		t.Run(what, func(t *testing.T) {
			transport := &http.Transport{TLSClientConfig: tt.config}
			defer transport.CloseIdleConnections()
			image, err := remote.Image(tag, remote.WithTransport(transport), remote.WithAuth(tt.auth), remote.WithContext(t.Context()))
			if err == nil {
				err = validate.Image(image)
			}
			if (tt.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestSkopeoSecure(t *testing.T) {
	need.Program(t, "skopeo")
	s, clients := protected(t)
	trust, identified := t.TempDir(), t.TempDir()
	for _, folder := range []string{trust, identified} {
		write(t, filepath.Join(folder, "ca.crt"), s.ca.pem)
	}
	certificate, key := clients.issue("node", time.Now().Add(time.Hour))
	write(t, filepath.Join(identified, "client.cert"), certificate)
	write(t, filepath.Join(identified, "client.key"), key)
	for what, tt := range map[string]struct {
		folder, user string
		want         string
	}{
		"a password":       {trust, "alice:pass word", ""},
		"a certificate":    {identified, "", ""},
		"nothing":          {trust, "", "unauthorized"},
		"a wrong password": {trust, "alice:password", "unauthorized"},
		"no trust":         {t.TempDir(), "alice:pass word", "certificate signed by unknown authority"},
	} {
		t.Run(what, func(t *testing.T) {
			to := t.TempDir()
			args := []string{"copy", "--src-cert-dir", tt.folder}
			if tt.user != "" {
				args = append(args, "--src-creds", tt.user)
			}
			args = append(args, "docker://"+strings.TrimPrefix(s.url, "https://")+"/"+id+"/example-solution-ui:1.0.0", "dir:"+to)
			out, err := exec.CommandContext(t.Context(), "skopeo", args...).CombinedOutput()
			if (tt.want == "") != (err == nil) || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v, want %q\n%s", err, tt.want, out)
			}
			if files, err := filepath.Glob(filepath.Join(to, "*")); err != nil || (tt.want == "") != (len(files) > 3) {
				t.Errorf("%q, %v", files, err)
			}
		})
	}
}
