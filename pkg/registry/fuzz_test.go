// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// FuzzRequest sends requests of any method, path and headers. Whatever they
// are, the answer is a content with the digest that it claims, a part of one, a
// list, or an error in the specification's JSON.
func FuzzRequest(f *testing.F) {
	b := standard(f)
	fix := newFixture(f, b.ISO(f))
	known := map[string][]byte{}
	for path, data := range b.Files() {
		if strings.HasPrefix(path, "images/") && filepath.Base(path) != "version" {
			known["sha256:"+archivetest.Hex(data)] = data
		}
	}
	blob := "sha256:" + filepath.Base(b.Blobs("docker", "1")[0])
	manifest := "sha256:" + archivetest.Hex(b.Files()["images/docker/1/manifest.json"])
	for _, path := range []string{
		"/v2/", "/v2/_catalog?n=2&last=a", "/v2/" + id + "/docker/tags/list?n=1",
		"/v2/" + id + "/docker/manifests/1", "/v2/" + id + "/docker/manifests/" + manifest, "/v2/" + id + "/docker/blobs/" + blob,
		"/v2/" + id + "/deep/er/oci/manifests/v1.0", "/v2/" + id + "/docker/referrers/" + manifest + "?artifactType=a",
		"/v2/" + id + "%2Fdocker/manifests/..%2f1", "/v2/" + id + "/docker/blobs/sha256:../../../manifest.yaml",
	} {
		f.Add("GET", path, "bytes=0-9", "", "")
		f.Add("HEAD", path, "", `"`+blob+`"`, "")
		f.Add("GET", path, "bytes=1-2,-5,7-", "", `"`+blob+`"`)
	}
	f.Add("DELETE", "/v2/", "", "", "")
	f.Fuzz(func(t *testing.T, method, path, ranges, match, ifRange string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || method == "" {
			return
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{}, Host: "x", ProtoMajor: 1, ProtoMinor: 1}
		for name, value := range map[string]string{"Range": ranges, "If-None-Match": match, "If-Range": ifRange} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r.WithContext(t.Context()))
		if err := judge(method, w, known); err != nil {
			t.Errorf("%s %q, Range %q, If-None-Match %q, If-Range %q: status %d, %v: %v", method, path, ranges, match, ifRange, w.Code, w.Header(), err)
		}
	})
}

// judge says what is wrong with an answer. known are the contents that there
// are, by digest.
func judge(method string, w *httptest.ResponseRecorder, known map[string][]byte) error {
	body, digest := w.Body.Bytes(), w.Header().Get("Docker-Content-Digest")
	data, served := known[digest]
	switch {
	case digest != "" && !served:
		return fmt.Errorf("no content has this digest")
	case method == http.MethodHead && len(body) > 0 && served:
		return fmt.Errorf("a body")
	case w.Code == http.StatusNotModified && len(body) == 0 && served, method == http.MethodHead && w.Code < 300:
		return nil
	case w.Code == http.StatusOK && served:
		if sha256.Sum256(body) != sha256.Sum256(data) {
			return fmt.Errorf("other bytes")
		}
	case w.Code == http.StatusPartialContent && served:
		return judgePart(w, data)
	case w.Code == http.StatusOK:
		if !json.Valid(body) {
			return fmt.Errorf("%q is no JSON", body)
		}
	case w.Code >= 400 && w.Code != http.StatusServiceUnavailable && w.Code < 500:
		var answer struct{ Errors []struct{ Code string } }
		if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) != 1 || answer.Errors[0].Code == "" {
			return fmt.Errorf("%q, %w", body, err)
		}
	default:
		return fmt.Errorf("an answer that there should not be: %.100q", body)
	}
	return nil
}

// judgePart checks an answer with a range; those with several are for
// TestRanges.
func judgePart(w *httptest.ResponseRecorder, data []byte) error {
	if strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/") {
		return nil
	}
	var from, to, size int
	if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil {
		return err
	}
	if size != len(data) || to >= size || from > to || !bytes.Equal(w.Body.Bytes(), data[from:to+1]) {
		return fmt.Errorf("other bytes")
	}
	return nil
}
