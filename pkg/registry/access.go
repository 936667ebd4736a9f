// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/htpasswd"
)

// Errors of the specification's table.
var (
	errUnauthorized = apiError{http.StatusUnauthorized, "UNAUTHORIZED", "a name and a password are needed to read this registry"}
	errDenied       = apiError{http.StatusForbidden, "DENIED", "a client certificate is needed to read this registry"}
	errTooMany      = apiError{http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many passwords are being checked; try again later"}
)

// access is who may read the registry: those with a client certificate, where
// there are authorities for them, those with a password, where there are users,
// and everyone where there are neither.
type access struct {
	identification
	users   *watched[htpasswd.Users]
	checker htpasswd.Checker
}

// open reads the files for the first time.
func (a *access) open(tls TLSFiles, passwords string, log *slog.Logger) (err error) {
	if a.identification, err = identify(tls, log); err != nil {
		return err
	}
	if a.users, err = watch(log, "htpasswd file", parseUsers, passwords); err != nil {
		return err
	}
	if a.users != nil && a.certificate == nil {
		log.Warn("passwords come over plain HTTP, where others can read them; registry.tls has the registry answer over TLS")
	}
	return nil
}

func parseUsers(contents [][]byte) (*htpasswd.Users, error) { return htpasswd.Parse(contents[0]) }

// steps look at the files once.
func (a *access) steps() []func() {
	return []func(){a.certificate.step, a.clients.step, a.users.step}
}

func (a *access) problems() []Problem {
	list := a.identification.problems(time.Now())
	if p := a.users.problem(); p != nil {
		list = append(list, *p)
	}
	return list
}

// refuse returns why a request may not read the registry, nil if it may, and
// the name of the user if a password was given and found right.
func (a *access) refuse(r *http.Request) (user string, refusal *apiError) {
	users := a.users.get()
	switch {
	case users == nil && a.clients == nil, a.knows(r.TLS, time.Now()):
		return "", nil
	case users == nil:
		return "", &errDenied
	}
	name, password, given := r.BasicAuth()
	if !given {
		return "", &errUnauthorized
	}
	right, err := a.checker.Check(r.Context(), users, clientOf(r), name, password)
	switch {
	case err != nil:
		return "", &errTooMany
	case !right:
		return "", &errUnauthorized
	}
	return name, nil
}

// writeRefusal answers with what refuse returned.
func writeRefusal(w http.ResponseWriter, refusal apiError) {
	w.Header().Set(apiVersionHeader, apiVersion)
	switch refusal.status {
	case http.StatusUnauthorized:
		w.Header().Set("Www-Authenticate", `Basic realm="solutions", charset="UTF-8"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	writeError(w, refusal)
}

// clientOf returns the address of a request's client, without the port.
func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// isLocal tells whether a request comes from the node itself: over the loopback
// interface, or from the very address that it was sent to.
func isLocal(r *http.Request) bool {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := client.Addr().Unmap()
	server, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return from.IsLoopback() || ok && from == server.AddrPort().Addr().Unmap()
}
