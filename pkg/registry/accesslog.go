// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"time"
)

// logged is how much of what a client sends gets into one line of the log.
const logged = 256

func cut(s string) string {
	if len(s) > logged {
		return s[:logged] + "…"
	}
	return s
}

// logAccess tells the log of a request that has ended. Of its headers it tells
// those that have no secrets.
func (s *Server) logAccess(r *http.Request, x *exchange) {
	attributes := x.attributes(r.Method, r.URL.EscapedPath(), r.RemoteAddr, r.UserAgent())
	if x.user != "" {
		attributes = append(attributes, "user", x.user)
	}
	if part := r.Header.Get("Range"); part != "" {
		attributes = append(attributes, "range", cut(part))
	}
	s.Log.Info("request", attributes...)
}

// attributes are what the log is told of every request.
func (x *exchange) attributes(method, path, client, agent string) []any {
	return []any{
		"method", cut(method), "path", cut(path), "status", x.status, "bytes", x.sent,
		"took", time.Since(x.start).Round(time.Microsecond), "client", client, "agent", cut(agent),
	}
}
