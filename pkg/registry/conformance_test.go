// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// Media types of docker's "Image Manifest Version 2, Schema 2".
const (
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// conformance asks a registry over a connection, as section "API" of the OCI
// distribution specification, version 1.1, has it. What is quoted in the tests
// is that specification's.
type conformance struct {
	t    *testing.T
	base string // http://host:port
}

// reply is an answer without its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

func (c *conformance) ask(method, path string, header ...string) (reply, []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		c.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header}, body
}

// fails checks the status and the body of an error: "The response body MAY be
// in JSON format", of this shape, with an uppercase code.
func (c *conformance) fails(method, path string, status int, codes ...string) {
	c.t.Helper()
	response, body := c.ask(method, path)
	if response.StatusCode != status {
		c.t.Errorf("%s %s: status %d, want %d", method, path, response.StatusCode, status)
	}
	if method == http.MethodHead {
		return
	}
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &e); err != nil || len(e.Errors) == 0 || !slices.Contains(codes, e.Errors[0].Code) {
		c.t.Errorf("%s %s: %s, %v; want one of %q", method, path, body, err, codes)
	}
}

// content checks what is served for GET and HEAD under a digest: "A GET request
// to an existing blob or manifest URL MUST provide the expected blob or
// manifest, with a response code that MUST be 200 OK", HEAD the same without it.
func (c *conformance) content(path, mediaType string, want []byte, header ...string) {
	c.t.Helper()
	digest := "sha256:" + archivetest.Hex(want)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		response, body := c.ask(method, path, header...)
		if method == http.MethodGet && string(body) != string(want) || method == http.MethodHead && len(body) > 0 {
			c.t.Errorf("%s %s: %d bytes, want %d", method, path, len(body), len(want))
		}
		got := []string{strconv.Itoa(response.StatusCode), response.Header.Get("Content-Length"), response.Header.Get("Docker-Content-Digest"), response.Header.Get("Content-Type")}
		if !slices.Equal(got, []string{"200", strconv.Itoa(len(want)), digest, mediaType}) {
			c.t.Errorf("%s %s: %q", method, path, got)
		}
	}
}

func newConformance(t *testing.T) (*conformance, map[string][]byte, []byte) {
	t.Helper()
	b := standard(t)
	for _, tag := range []string{"v1", "v2", "v10", "latest", "Z"} {
		b.WithImage("tags", tag)
	}
	b.WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	refer(b, "signature", subject, `"artifactType":"application/x.signature",`)
	refer(b, "sbom", subject, `"artifactType":"application/x.sbom",`)
	return &conformance{t, "http://" + serve(t, b.ISO(t))}, b.Files(), subject
}

// "Determining Support": "the endpoint /v2/ MUST return 200 OK".
func TestConformanceSupport(t *testing.T) {
	c, _, _ := newConformance(t)
	if response, _ := c.ask(http.MethodGet, "/v2/"); response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
}

// "Pull", "Pulling manifests" and "Pulling blobs": manifests by tag and digest,
// with their own media type, then what they name, down to the last layer.
func TestConformancePull(t *testing.T) {
	c, files, _ := newConformance(t)
	accept := []string{"Accept", typeOCIManifest, "Accept", typeOCIIndex + ", " + typeDockerManifest, "Accept", typeDockerList}
	for image, mediaType := range map[string]string{"docker/1": typeDockerManifest, "deep/er/oci/v1.0": typeOCIManifest, "list/1": typeDockerList, "index/1": typeOCIIndex} {
		i := strings.LastIndexByte(image, '/')
		base, dir := "/v2/"+id+"/"+image[:i], "images/"+image+"/"
		manifest := files[dir+"manifest.json"]
		for _, reference := range []string{image[i+1:], "sha256:" + archivetest.Hex(manifest)} {
			c.content(base+"/manifests/"+reference, mediaType, manifest, accept...)
			c.content(base+"/manifests/"+reference, mediaType, manifest)
		}
		blobs := 0
		for path, data := range files {
			name := strings.TrimPrefix(path, dir)
			switch {
			case !strings.HasPrefix(path, dir) || name == "manifest.json" || name == "version":
			case strings.HasSuffix(name, ".manifest.json"):
				child := map[string]string{typeDockerList: typeDockerManifest, typeOCIIndex: typeOCIManifest}[mediaType]
				c.content(base+"/manifests/sha256:"+archivetest.Hex(data), child, data)
			default:
				blobs++
				c.content(base+"/blobs/sha256:"+name, "application/octet-stream", data)
			}
		}
		if blobs < 3 {
			t.Errorf("%s: %d blobs", image, blobs)
		}
	}
}

// "If the blob or manifest is not found in the registry, the response code MUST
// be 404 Not Found."
func TestConformanceNotFound(t *testing.T) {
	c, files, _ := newConformance(t)
	none := "sha256:" + archivetest.Hex([]byte("none"))
	blob := ""
	for path := range files {
		if strings.HasPrefix(path, "images/docker/1/") && regexp.MustCompile(`/[0-9a-f]{64}$`).MatchString(path) {
			blob = "sha256:" + path[len(path)-64:]
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		c.fails(method, "/v2/"+id+"/docker/manifests/none", http.StatusNotFound, "MANIFEST_UNKNOWN")
		c.fails(method, "/v2/"+id+"/docker/manifests/"+none, http.StatusNotFound, "MANIFEST_UNKNOWN")
		c.fails(method, "/v2/"+id+"/docker/manifests/"+blob, http.StatusNotFound, "MANIFEST_UNKNOWN")
		c.fails(method, "/v2/"+id+"/docker/blobs/"+none, http.StatusNotFound, "BLOB_UNKNOWN")
		c.fails(method, "/v2/"+id+"/none/manifests/1", http.StatusNotFound, "NAME_UNKNOWN")
		c.fails(method, "/v2/"+id+"/none/tags/list", http.StatusNotFound, "NAME_UNKNOWN")
	}
	c.fails(http.MethodGet, "/v2/"+id+"/Docker/manifests/1", http.StatusBadRequest, "NAME_INVALID")
	c.fails(http.MethodGet, "/v2/"+id+"/docker/blobs/sha256:none", http.StatusBadRequest, "DIGEST_INVALID")
}

// "Pulling blobs": "a registry SHOULD support the Range request header in
// accordance with RFC 9110", by which a cut pull goes on.
func TestConformanceRange(t *testing.T) {
	iso, path, data := large(t, "1.0.0")
	c := &conformance{t, "http://" + serve(t, iso)}
	cut := largeBytes / 3
	response, rest := c.ask(http.MethodGet, path, "Range", fmt.Sprintf("bytes=%d-", cut))
	if response.StatusCode != http.StatusPartialContent || string(rest) != string(data[cut:]) ||
		response.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", cut, largeBytes-1, largeBytes) {
		t.Errorf("status %d, %q, %d bytes", response.StatusCode, response.Header.Get("Content-Range"), len(rest))
	}
	if response, _ := c.ask(http.MethodGet, path, "Range", fmt.Sprintf("bytes=%d-", largeBytes)); response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("beyond the end: status %d", response.StatusCode)
	}
}

// "Listing Tags": in lexical order, n at a time, "last" as where to go on, and
// with a Link to the next ones.
func TestConformanceTags(t *testing.T) {
	c, _, _ := newConformance(t)
	all := []string{"Z", "latest", "v1", "v10", "v2"}
	list := func(path string) (tags []string, next string) {
		t.Helper()
		response, body := c.ask(http.MethodGet, path)
		var answer struct {
			Name string
			Tags []string
		}
		if err := json.Unmarshal(body, &answer); err != nil || response.StatusCode != http.StatusOK || answer.Name != id+"/tags" {
			t.Fatalf("%s: status %d, %s", path, response.StatusCode, body)
		}
		if m := regexp.MustCompile(`^<([^>]*)>; rel="next"$`).FindStringSubmatch(response.Header.Get("Link")); m != nil {
			next = m[1]
		}
		return answer.Tags, next
	}
	base := "/v2/" + id + "/tags/tags/list"
	if tags, next := list(base); !slices.Equal(tags, all) || next != "" {
		t.Errorf("%q, %q", tags, next)
	}
	var pages [][]string
	for next := base + "?n=2"; next != ""; {
		var tags []string
		tags, next = list(next)
		pages = append(pages, tags)
	}
	if !slices.Equal(slices.Concat(pages...), all) || len(pages) != 3 {
		t.Errorf("%q", pages)
	}
	if tags, _ := list(base + "?n=2&last=latest"); !slices.Equal(tags, all[2:4]) {
		t.Errorf("%q", tags)
	}
	if tags, _ := list(base + "?last=v1"); !slices.Equal(tags, all[3:]) {
		t.Errorf("%q", tags)
	}
	// "When n is zero, this endpoint MUST return an empty list, and MUST NOT
	// include a Link header."
	if tags, next := list(base + "?n=0"); len(tags) > 0 || next != "" {
		t.Errorf("%q, %q", tags, next)
	}
}

// "Listing Referrers": an image index, "200 OK" also where there is none, and
// OCI-Filters-Applied where it was filtered.
func TestConformanceReferrers(t *testing.T) {
	c, _, subject := newConformance(t)
	for query, want := range map[string]int{"": 2, "?artifactType=application/x.sbom": 1, "?artifactType=none": 0} {
		response, body := c.ask(http.MethodGet, "/v2/"+id+"/a/referrers/sha256:"+archivetest.Hex(subject)+query)
		var index struct {
			SchemaVersion int
			MediaType     string
			Manifests     []struct{ Digest string }
		}
		if err := json.Unmarshal(body, &index); err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != typeOCIIndex ||
			index.SchemaVersion != 2 || index.MediaType != typeOCIIndex || len(index.Manifests) != want || index.Manifests == nil {
			t.Errorf("%q: status %d, %s", query, response.StatusCode, body)
		}
		if applied := response.Header.Get("OCI-Filters-Applied"); (applied == "artifactType") != (query != "") {
			t.Errorf("%q: filters %q", query, applied)
		}
	}
	if response, body := c.ask(http.MethodGet, "/v2/"+id+"/a/referrers/sha256:"+archivetest.Hex([]byte("none"))); response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"manifests":[]`) {
		t.Errorf("of nothing: status %d, %s", response.StatusCode, body)
	}
	c.fails(http.MethodGet, "/v2/"+id+"/a/referrers/none", http.StatusBadRequest, "DIGEST_INVALID")
}

// "Push" and "Content Management" are not for a registry that only reads:
// "405 Method Not Allowed".
func TestConformanceReadOnly(t *testing.T) {
	c, _, subject := newConformance(t)
	for path, methods := range map[string][]string{
		"/a/blobs/uploads/":                                 {http.MethodPost},
		"/a/blobs/uploads/1":                                {http.MethodPatch, http.MethodPut},
		"/a/manifests/1":                                    {http.MethodPut, http.MethodDelete},
		"/a/blobs/sha256:" + archivetest.Hex(subject):       {http.MethodDelete},
		"/a/manifests/sha256:" + archivetest.Hex(subject):   {http.MethodDelete},
		"/new/blobs/uploads/?mount=sha256:0&from=something": {http.MethodPost},
	} {
		for _, method := range methods {
			c.fails(method, "/v2/"+id+path, http.StatusMethodNotAllowed, "UNSUPPORTED")
		}
	}
}
