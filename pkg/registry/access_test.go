// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// writeUsers writes a htpasswd file of names and passwords, and returns its
// path.
func writeUsers(t testing.TB, pairs ...string) string {
	t.Helper()
	path, text := filepath.Join(t.TempDir(), "htpasswd"), ""
	for i := 0; i < len(pairs); i += 2 {
		hash, err := bcrypt.GenerateFromPassword([]byte(pairs[i+1]), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		text += pairs[i] + ":" + string(hash) + "\n"
	}
	write(t, path, []byte(text))
	return path
}

// as sends a name and a password.
func as(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func TestPasswords(t *testing.T) {
	users := writeUsers(t, "alice", "first-secret")
	s := runTLS(t, func(server *Server) { server.HTPasswd = users }, archivetest.New(t).ISO(t))
	s.serving(1)
	const path = "/v2/" + id + "/example-solution-ui/manifests/1.0.0"
	right := as("alice", "first-secret")
	s.answers(s.client, path, http.StatusOK, right)
	s.answers(s.client, path, http.StatusOK, right)
	s.answers(s.client, "/v2/", http.StatusOK, right)
	s.answers(s.client, "/healthz", http.StatusOK)
	s.answers(s.client, "/healthz", http.StatusOK, as("alice", "wrong-secret"))
	for _, tt := range []func(*http.Request){
		func(*http.Request) {}, as("alice", "wrong-secret"), as("mallory", "first-secret"), as("", ""),
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer first-secret") },
		func(r *http.Request) { r.Header.Set("Authorization", "Basic first-secret") },
		func(r *http.Request) { r.Method = http.MethodPost },
	} {
		for _, path := range []string{"/v2", "/v2/", path, "/v2/_catalog", "/v2/none"} {
			a, err := s.do(s.client, path, tt)
			if err != nil {
				t.Fatal(err)
			}
			const want = `{"errors":[{"code":"UNAUTHORIZED","message":"a name and a password are needed to read this registry"}]}`
			if a.status != http.StatusUnauthorized || a.header.Get("Www-Authenticate") != `Basic realm="solutions", charset="UTF-8"` || a.header.Get(apiVersionHeader) != apiVersion || string(a.body) != want {
				t.Errorf("%s: status %d, %s, %v", path, a.status, a.body, a.header)
			}
		}
	}
	// What was remembered of a user does not outlive the file.
	write(t, users, read(t, writeUsers(t, "alice", "next-secret")))
	s.eventually("the next password", func() bool {
		a, err := s.do(s.client, "/v2/", as("alice", "next-secret"))
		return err == nil && a.status == http.StatusOK
	})
	s.answers(s.client, "/v2/", http.StatusUnauthorized, right)
	write(t, users, []byte("alice:next-secret\n"))
	s.eventually("a problem", func() bool { return len(s.ready().Problems) == 1 })
	s.answers(s.client, "/v2/", http.StatusOK, as("alice", "next-secret"))
	s.eventually("the access log", func() bool { return strings.Contains(s.log.String(), " path=/v2/ status=200 ") })
	log := s.log.String()
	for _, secret := range []string{"secret", base64.StdEncoding.EncodeToString([]byte("alice:first"))[:12], "Authorization", "Basic", "$2a$"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log tells %q:\n%s", secret, log)
		}
	}
	if !strings.Contains(log, "user=alice") || strings.Contains(log, "mallory") || strings.Contains(log, "plain HTTP") {
		t.Errorf("the log\n%s", log)
	}
}

// A client certificate does where there is one, else a password.
func TestCertificateOrPassword(t *testing.T) {
	clients := newAuthority(t, "clients")
	s := runTLS(t, func(server *Server) {
		server.TLS.ClientCAs, server.HTPasswd = filepath.Join(t.TempDir(), "clients.pem"), writeUsers(t, "alice", "secret")
		write(t, server.TLS.ClientCAs, clients.pem)
	})
	pair := clients.pair("one")
	s.answers(s.newClient(&pair), "/v2/", http.StatusOK)
	s.answers(s.newClient(&pair), "/v2/", http.StatusOK, as("alice", "wrong"))
	s.answers(s.client, "/v2/", http.StatusOK, as("alice", "secret"))
	s.answers(s.client, "/v2/", http.StatusUnauthorized)
}

func TestPasswordsOverPlainHTTP(t *testing.T) {
	r := runWith(t, func(server *Server) { server.HTPasswd = writeUsers(t, "alice", "secret") })
	if status, _ := r.get("/v2/"); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
	if n := strings.Count(r.log.String(), "passwords come over plain HTTP"); n != 1 {
		t.Errorf("warned %d times\n%s", n, r.log)
	}
}

func TestBadUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "htpasswd")
	write(t, path, []byte("alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"))
	s := Server{Listen: []string{"127.0.0.1:0"}, HTPasswd: path, Log: slog.New(slog.DiscardHandler)}
	want := "reading the htpasswd file: " + path + `: line 1: the password of user "alice" is hashed with SHA-1, and only bcrypt is accepted`
	if err := s.Run(t.Context()); err == nil || err.Error() != want || hint.Of(err) == "" {
		t.Errorf("%v, want %s", err, want)
	}
}

// Who asks for passwords faster than they are checked is told to come back.
func TestTooManyPasswords(t *testing.T) {
	w := httptest.NewRecorder()
	writeRefusal(w, errTooMany)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "TOOMANYREQUESTS") {
		t.Errorf("%d, %v, %s", w.Code, w.Header(), w.Body)
	}
}

// Paths and errors are for those who may read the registry, and for the node.
func TestReadyTells(t *testing.T) {
	f := newFixture(t, archivetest.New(t).ISO(t))
	all := &Server{}
	protected := &Server{HTPasswd: writeUsers(t, "alice", "secret")}
	if err := protected.access.open(TLSFiles{}, protected.HTPasswd, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	f.set.Update(append([]string{"/none.iso"}, f.set.Archives()[0].Path))
	for _, tt := range []struct {
		server   *Server
		client   string
		password string
		tells    bool
	}{
		{all, "192.0.2.1:1234", "", true},
		{protected, "192.0.2.1:1234", "", false},
		{protected, "192.0.2.1:1234", "wrong", false},
		{protected, "192.0.2.1:1234", "secret", true},
		{protected, "127.0.0.1:1234", "", true},
		{protected, "[::1]:1234", "", true},
		{protected, "[::ffff:127.0.0.1]:1234", "", true},
		{protected, "[2001:db8::1]:1234", "", false},
		{protected, "192.0.2.7:1234", "", true}, // the server's own
		{protected, "[::ffff:192.0.2.7]:1234", "", true},
		{protected, "@", "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5000}))
		r.RemoteAddr = tt.client
		if tt.password != "" {
			r.SetBasicAuth("alice", tt.password)
		}
		w := httptest.NewRecorder()
		tt.server.handler(&follower{set: f.set}, f.handler).ServeHTTP(w, r)
		var ready readiness
		if err := json.Unmarshal(w.Body.Bytes(), &ready); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusServiceUnavailable || ready.Ready {
			t.Errorf("%+v: status %d, %s", tt, w.Code, w.Body)
		}
		if tt.tells != (len(ready.Archives) == 1 && ready.Archives[0].ID == id && len(ready.Problems) == 1) || (!tt.tells && w.Body.String() != `{"ready":false}`) {
			t.Errorf("%+v: %s", tt, w.Body)
		}
	}
}
