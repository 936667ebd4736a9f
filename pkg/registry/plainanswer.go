// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net"
	"net/http"
	"time"
)

// answersPlain tells whether plain requests may be answered by a front: where
// everyone may read the registry, and over connections as they are.
func (s *Server) answersPlain() bool {
	return s.access.certificate == nil && s.access.clients == nil && s.access.users == nil
}

// plainAnswer writes the whole answer to a request. It reports false where the
// request is not for it; nothing is written then.
type plainAnswer func(w net.Conn, r plainRequest) (bool, error)

// answerPlain is a front's answer, for manifests that there are. What net/http
// and Handler would answer differs only in the order of the headers.
func (s *Server) answerPlain(v2 *Handler) plainAnswer {
	stall := s.bounds().stall
	return func(w net.Conn, r plainRequest) (bool, error) {
		x := exchange{start: time.Now(), status: http.StatusOK}
		m := v2.lookup(r.path)
		if m == nil || len(m.data) > cachedBytes {
			return false, nil
		}
		s.metrics.begin()
		var room [512]byte
		head := m.appendHead(room[:0], x.start)
		pieces := net.Buffers{head}
		if r.method == http.MethodGet {
			pieces = append(pieces, m.data)
		}
		x.began = time.Since(x.start)
		err := w.SetWriteDeadline(x.start.Add(stall))
		if err == nil {
			var n int64
			n, err = pieces.WriteTo(w)
			x.sent = max(0, n-int64(len(head)))
		}
		s.metrics.end(kindManifest, r.method, &x, true)
		if s.AccessLog {
			s.Log.Info("request", x.attributes(r.method, r.path, w.RemoteAddr().String(), r.agent)...)
		}
		return true, err
	}
}

// appendHead appends the head of an answer with all of a manifest, as RFC 9112
// has it.
func (m *manifest) appendHead(head []byte, now time.Time) []byte {
	head = append(head, "HTTP/1.1 200 OK\r\n"+apiVersionHeader+": "+apiVersion+"\r\nAccept-Ranges: bytes\r\nContent-Length: "...)
	head = append(head, m.length[0]...)
	for name, values := range m.header {
		head = append(head, "\r\n"...)
		head = append(head, name...)
		head = append(head, ": "...)
		head = append(head, values[0]...)
	}
	head = append(head, "\r\nDate: "...)
	head = now.UTC().AppendFormat(head, http.TimeFormat)
	return append(head, "\r\n\r\n"...)
}
