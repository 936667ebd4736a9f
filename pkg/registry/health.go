// SPDX-License-Identifier: Apache-2.0

package registry

import "net/http"

// reads refuses a method that does not read.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	writeError(w, errReadOnly)
	return false
}

// serveHealth says that the process answers.
func serveHealth(w http.ResponseWriter, r *http.Request) {
	if reads(w, r) {
		writeJSON(w, http.StatusOK, "application/json", map[string]bool{"healthy": true})
	}
}

// readiness is what /readyz answers. Those who may not read the registry, and
// are not on its node, get Ready only.
type readiness struct {
	Ready    bool      `json:"ready"`
	Archives []Archive `json:"archives"`
	Problems []Problem `json:"problems"`
}

// serveReady says whether every archive of the configuration is served, and
// which are and are not.
func (s *Server) serveReady(w *boundedWriter, r *http.Request, f *follower) {
	if !reads(w, r) {
		return
	}
	answer := readiness{Archives: f.set.Archives(), Problems: s.problems(f)}
	answer.Ready = len(answer.Problems) == 0
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	if !isLocal(r) {
		var refusal *apiError
		if w.user, refusal = s.access.refuse(r); refusal != nil {
			writeJSON(w, status, "application/json", map[string]bool{"ready": answer.Ready})
			return
		}
	}
	writeJSON(w, status, "application/json", answer)
}

// problems are all that there are.
func (s *Server) problems(f *follower) []Problem { return append(f.problems(), s.access.problems()...) }
