// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUI(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"config.json": `{"url": "/api/kubernetes"}`, "secret": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := handler(`A <Title>`, "1.2.3", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		method, path string
		code         int
		contentType  string
		contains     []string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", []string{"<h1>A &lt;Title&gt;</h1>", "Version 1.2.3", "config.json"}},
		{"GET", "/config.json", 200, "application/json", []string{`{"url": "/api/kubernetes"}`}},
		{"GET", "/theme.json", 404, "text/plain; charset=utf-8", nil}, // not there
		{"GET", "/secret", 404, "text/plain; charset=utf-8", nil},
		{"GET", "/other", 404, "text/plain; charset=utf-8", nil},
		{"POST", "/", 405, "text/plain; charset=utf-8", nil},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
		if w.Code != tc.code || w.Header().Get("Content-Type") != tc.contentType {
			t.Errorf("%s %s: %d %s, want %d %s", tc.method, tc.path, w.Code, w.Header().Get("Content-Type"), tc.code, tc.contentType)
		}
		for _, want := range tc.contains {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: no %q in\n%s", tc.method, tc.path, want, w.Body)
			}
		}
	}
}

// TestConfigChanges: a ConfigMap that is mounted changes under a running pod.
func TestConfigChanges(t *testing.T) {
	dir := t.TempDir()
	h, err := handler("Title", "1.2.3", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"{}", `{"url": "/other"}`} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/config.json", nil))
		if w.Body.String() != content {
			t.Errorf("got %q, want %q", w.Body, content)
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
