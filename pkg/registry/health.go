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

// serveReady says whether every archive of the configuration is served, and
// which are not.
func serveReady(w http.ResponseWriter, r *http.Request, f *follower) {
	if !reads(w, r) {
		return
	}
	answer := struct {
		Ready    bool      `json:"ready"`
		Archives int       `json:"archives"`
		Problems []Problem `json:"problems"`
	}{Archives: f.set.Len(), Problems: f.problems()}
	answer.Ready = len(answer.Problems) == 0
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, "application/json", answer)
}
