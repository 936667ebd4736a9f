// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"strings"
)

// Clients of old look for this before they trust a registry, or give it a
// password.
const (
	apiVersionHeader = "Docker-Distribution-Api-Version"
	apiVersion       = "registry/2.0"
)

// handler routes requests, and bounds, counts and logs them.
func (s *Server) handler(f *follower, v2 http.Handler) http.Handler {
	bounds := s.bounds()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := newBoundedWriter(w, bounds.stall)
		s.metrics.begin()
		whole := false
		// The handler panics where it breaks off an answer.
		defer func() { s.ended(r, b, whole) }()
		if r.ContentLength != 0 {
			b.refuseBody(bounds.body)
		}
		switch path := r.URL.Path; {
		case path == "/healthz":
			serveHealth(b, r)
		case path == "/readyz":
			s.serveReady(b, r, f)
		case path == "/v2" || strings.HasPrefix(path, "/v2/"):
			s.serveRegistry(b, r, v2)
		default:
			writeError(b, errNoSuchPath)
		}
		whole = true
	})
}

// serveRegistry answers those who may read the registry.
func (s *Server) serveRegistry(w *boundedWriter, r *http.Request, v2 http.Handler) {
	user, refusal := s.access.refuse(r)
	w.user = user
	switch {
	case refusal != nil:
		writeRefusal(w, *refusal)
	case tooManyRanges(r):
		writeError(w, errRange)
	default:
		v2.ServeHTTP(w, r)
	}
}

func (s *Server) ended(r *http.Request, w *boundedWriter, whole bool) {
	s.metrics.end(kindOfPath(r.URL.Path), r.Method, &w.exchange, whole)
	if s.AccessLog {
		s.logAccess(r, &w.exchange)
	}
}
