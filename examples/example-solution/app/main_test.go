// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswer(t *testing.T) {
	for _, path := range []string{"/", "/any/path"} {
		w := httptest.NewRecorder()
		handler("1.2.3", "pod-a").ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got, want := w.Body.String(), "example-app 1.2.3 on pod-a\n"; w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d %q, want 200 %q", path, w.Code, got, want)
		}
	}
}

func TestRunErrors(t *testing.T) {
	if err := run(t.Context(), []string{"--listen", "nonsense"}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error is %v, want one with the address", err)
	}
	if err := run(t.Context(), []string{"--unknown"}); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("error is %v, want one with the flag", err)
	}
}
