// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// fixture is a registry of archives in files of its own.
type fixture struct {
	t       testing.TB
	set     *Set
	handler *Handler
	log     *logBuffer
}

func newFixture(t testing.TB, isos ...string) *fixture {
	t.Helper()
	log := &logBuffer{}
	set := NewSet(slog.New(slog.NewTextHandler(log, nil)))
	set.Update(isos)
	t.Cleanup(set.Close)
	if problems := set.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return &fixture{t, set, NewHandler(set), log}
}

// do sends a request straight to the handler; header is pairs of name and value.
func (f *fixture) do(method, path string, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) get(path string, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.do(http.MethodGet, path, header...)
}

// refused checks an answer with the specification's JSON for errors.
func (f *fixture) refused(w *httptest.ResponseRecorder, status int, code string) {
	f.t.Helper()
	var body struct {
		Errors []struct{ Code, Message string } `json:"errors"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		f.t.Errorf("status %d, %q: %v", w.Code, w.Body, err)
		return
	}
	if w.Code != status || len(body.Errors) != 1 || body.Errors[0].Code != code || body.Errors[0].Message == "" || w.Header().Get("Content-Type") != "application/json" {
		f.t.Errorf("status %d, %s, %s; want %d, %s", w.Code, w.Header().Get("Content-Type"), w.Body, status, code)
	}
}

// standard is an archive with all kinds of images.
func standard(t testing.TB) *archivetest.Builder {
	t.Helper()
	return archivetest.New(t).
		WithImage("docker", "1", archivetest.Layers("base", "docker")).
		WithImage("docker", "2", archivetest.Layers("base", "docker-2")).
		WithImage("deep/er/oci", "v1.0", archivetest.OCI(), archivetest.Layers("base", "oci")).
		WithImage("list", "1", archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("base")).
		WithImage("index", "1", archivetest.OCI(), archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("base"))
}

const id = "example-solution-1.0.0"

// The media types are those of the OCI image specification and of docker's
// "Image Manifest Version 2, Schema 2".
func TestPull(t *testing.T) {
	b := standard(t)
	files := b.Files()
	f := newFixture(t, b.ISO(t))
	for name, mediaType := range map[string]string{
		"docker/1":         "application/vnd.docker.distribution.manifest.v2+json",
		"deep/er/oci/v1.0": "application/vnd.oci.image.manifest.v1+json",
		"list/1":           "application/vnd.docker.distribution.manifest.list.v2+json",
		"index/1":          "application/vnd.oci.image.index.v1+json",
	} {
		t.Run(name, func(t *testing.T) {
			dir := "images/" + name + "/"
			image, tag := name[:strings.LastIndexByte(name, '/')], filepath.Base(name)
			want := files[dir+"manifest.json"]
			digest := "sha256:" + archivetest.Hex(want)
			base := "/v2/" + id + "/" + image
			for _, reference := range []string{tag, digest, "sha256%3A" + digest[7:]} {
				f.holds(base+"/manifests/"+reference, mediaType, want)
			}
			child := map[string]string{"list/1": "application/vnd.docker.distribution.manifest.v2+json", "index/1": "application/vnd.oci.image.manifest.v1+json"}
			for _, path := range b.Children(image, tag) {
				f.holds(base+"/manifests/sha256:"+archivetest.Hex(files[path]), child[name], files[path])
			}
			for _, path := range b.Blobs(image, tag) {
				f.holds(base+"/blobs/sha256:"+filepath.Base(path), "application/octet-stream", files[path])
			}
		})
	}
}

// holds checks what GET, HEAD, and GET with a condition answer.
func (f *fixture) holds(path, mediaType string, want []byte) {
	f.t.Helper()
	digest := "sha256:" + archivetest.Hex(want)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		w := f.do(method, path+"?ns=example.com")
		body := want
		if method == http.MethodHead {
			body = nil
		}
		h := w.Header()
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), body) ||
			h.Get("Content-Type") != mediaType || h.Get("Docker-Content-Digest") != digest ||
			h.Get("Content-Length") != itoa(len(want)) || h.Get("Etag") != `"`+digest+`"` {
			f.t.Errorf("%s %s: status %d, %v, %d bytes", method, path, w.Code, h, w.Body.Len())
		}
	}
	if w := f.get(path, "If-None-Match", `"`+digest+`"`); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		f.t.Errorf("GET %s, If-None-Match: status %d", path, w.Code)
	}
	if w := f.get(path, "If-None-Match", `"other"`); w.Code != http.StatusOK {
		f.t.Errorf("GET %s, If-None-Match of another: status %d", path, w.Code)
	}
}

func TestBase(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v2/", "/v2"} {
		if w := f.get(path); w.Code != http.StatusOK || w.Body.String() != "{}" || w.Header().Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("%s: status %d, %v, %s", path, w.Code, w.Header(), w.Body)
		}
	}
}

// A manifest that does not name its media type has the one of what it holds.
func TestManifestWithoutMediaType(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.OCI())
	var m map[string]any
	if err := json.Unmarshal(b.Files()["images/a/1/manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "mediaType")
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, b.WithFile("images/a/1/manifest.json", string(data)).ISO(t))
	f.holds("/v2/"+id+"/a/manifests/1", "application/vnd.oci.image.manifest.v1+json", data)
}

// A blob of another image, and of another archive, is found as well.
func TestSharedBlobs(t *testing.T) {
	one := archivetest.New(t).WithImage("one", "1", archivetest.Layers("base", "one"))
	two := archivetest.New(t).WithVersion("2.0.0").WithImage("two", "1", archivetest.Layers("two"))
	f := newFixture(t, one.ISO(t), two.ISO(t))
	for _, path := range one.Blobs("one", "1") {
		for _, repository := range []string{"one", "example-solution-operator"} {
			f.holds("/v2/"+id+"/"+repository+"/blobs/sha256:"+filepath.Base(path), "application/octet-stream", one.Files()[path])
		}
		f.holds("/v2/example-solution-2.0.0/two/blobs/sha256:"+filepath.Base(path), "application/octet-stream", one.Files()[path])
	}
	// Manifests are not: a digest in a repository says that it is there.
	digest := "sha256:" + archivetest.Hex(one.Files()["images/one/1/manifest.json"])
	f.refused(f.get("/v2/"+id+"/example-solution-operator/manifests/"+digest), http.StatusNotFound, "MANIFEST_UNKNOWN")
}

func TestWritingIsRefused(t *testing.T) {
	f := newFixture(t, standard(t).ISO(t))
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
		for _, path := range []string{"/v2/", "/v2/" + id + "/docker/blobs/uploads/", "/v2/" + id + "/docker/manifests/1", "/v2/none/manifests/1", "/v2/../x"} {
			w := f.do(method, path)
			f.refused(w, http.StatusMethodNotAllowed, "UNSUPPORTED")
			if allow := w.Header().Get("Allow"); allow != "GET, HEAD" {
				t.Errorf("%s %s: Allow: %s", method, path, allow)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.Layers("a"), archivetest.LayerSize(400_000))
	f := newFixture(t, b.ISO(t))
	blobs := b.Blobs("a", "1")
	path := slices.MaxFunc(blobs, func(x, y string) int { return len(b.Files()[x]) - len(b.Files()[y]) })
	data := b.Files()[path]
	size := len(data)
	url := "/v2/" + id + "/a/blobs/sha256:" + filepath.Base(path)
	last := itoa(size - 1)
	for header, want := range map[string][2]int{
		"bytes=0-0":                         {0, 1},
		"bytes=1-":                          {1, size},
		"bytes=100-199":                     {100, 200},
		"bytes=-7":                          {size - 7, size},
		"bytes=" + last + "-":               {size - 1, size},
		"bytes=5-99999999999":               {5, size},
		"bytes=-99999999999":                {0, size},
		"bytes=131071-131073":               {131071, 131074},
		"bytes=0-9223372036854775807":       {0, size},
		"bytes=0-0,99999999-":               {0, 1},
		"bytes=200000-, 99999999-999999999": {200000, size},
	} {
		w := f.get(url, "Range", header)
		if w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), data[want[0]:want[1]]) ||
			w.Header().Get("Content-Range") != "bytes "+itoa(want[0])+"-"+itoa(want[1]-1)+"/"+itoa(size) {
			t.Errorf("%s: status %d, %v, %d bytes", header, w.Code, w.Header(), w.Body.Len())
		}
	}
	for _, header := range []string{
		"bytes=" + itoa(size) + "-", "bytes=9-1", "bytes=a-b", "bytes=-", "bytes=--1", "lines=1-2", "bytes=1", "bytes=99999999999999999999-",
		"bytes=0-99999999999999999999",
	} {
		w := f.get(url, "Range", header)
		f.refused(w, http.StatusRequestedRangeNotSatisfiable, "RANGE_INVALID")
		if w.Header().Get("Docker-Content-Digest") != "" {
			t.Errorf("%s: %v", header, w.Header())
		}
	}
	// More than the blob is worth: all of it, once.
	absurd := "bytes=" + strings.TrimSuffix(strings.Repeat("0-,", 100), ",")
	if w := f.get(url, "Range", absurd); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), data) {
		t.Errorf("absurd: status %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := f.get(url, "Range", "bytes=0-3", "If-Range", `"other"`); w.Code != http.StatusOK || w.Body.Len() != size {
		t.Errorf("If-Range: status %d", w.Code)
	}
	several(t, f.get(url, "Range", "bytes=0-9,200000-200009,-4"), data[:10], data[200000:200010], data[size-4:])
}

// several checks an answer with several ranges.
func several(t *testing.T, w *httptest.ResponseRecorder, want ...[]byte) {
	t.Helper()
	_, parameters, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	for r := multipart.NewReader(w.Body, parameters["boundary"]); ; {
		part, err := r.NextPart()
		if err != nil {
			break
		}
		data, err := io.ReadAll(part)
		if err != nil {
			t.Error(err)
		}
		parts = append(parts, data)
	}
	if w.Code != http.StatusPartialContent {
		t.Errorf("status %d", w.Code)
	}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Error(diff)
	}
}

func TestTagsAndCatalog(t *testing.T) {
	b := archivetest.New(t)
	tags := []string{"1.0", "1.10", "1.9", "A", "_x", "a", "latest"}
	for _, tag := range slices.Backward(tags) {
		b.WithImage("many", tag, archivetest.Layers("same"))
	}
	f := newFixture(t, b.ISO(t), archivetest.New(t).WithVersion("0.9.0").ISO(t))
	repositories := []string{
		"example-solution-0.9.0/example-solution-operator", "example-solution-0.9.0/example-solution-ui",
		id + "/example-solution-operator", id + "/example-solution-ui", id + "/many",
	}
	f.lists("/v2/"+id+"/many/tags/list", "tags", tags)
	f.lists("/v2/_catalog", "repositories", repositories)
	f.refused(f.get("/v2/"+id+"/none/tags/list"), http.StatusNotFound, "NAME_UNKNOWN")
}

// lists checks a list, whole and in pages of every size.
func (f *fixture) lists(path, key string, want []string) {
	f.t.Helper()
	read := func(path string) ([]string, string) {
		w := f.get(path)
		var body map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
			f.t.Fatalf("%s: status %d, %s", path, w.Code, w.Body)
		}
		list := []string{}
		for _, v := range body[key].([]any) {
			list = append(list, v.(string))
		}
		link := w.Header().Get("Link")
		next, found := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		if found != (link != "") {
			f.t.Errorf("Link: %s", link)
		}
		return list, next
	}
	all, next := read(path)
	if diff := cmp.Diff(want, all); diff != "" || next != "" {
		f.t.Errorf("%s: Link %s, -want +got:\n%s", path, next, diff)
	}
	for n := 1; n <= len(want)+1; n++ {
		var got []string
		for next := path + "?n=" + itoa(n); next != ""; {
			var part []string
			part, next = read(next)
			if len(part) > n || (next != "" && len(part) < n) {
				f.t.Errorf("n=%d: %q", n, part)
			}
			got = append(got, part...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.t.Errorf("n=%d: -want +got:\n%s", n, diff)
		}
	}
	for query, part := range map[string][]string{
		"?n=0": {}, "?last=" + want[1]: want[2:], "?last=": want, "?last=~": {}, "?n=1&last=" + want[0] + "!": want[1:2], "?n=2147483647": want,
	} {
		if got, _ := read(path + query); !slices.Equal(got, part) {
			f.t.Errorf("%s: %q, want %q", query, got, part)
		}
	}
	for _, n := range []string{"-1", "x", "1.5", "99999999999999999999", ""} {
		f.refused(f.get(path+"?n="+n), http.StatusBadRequest, "PAGINATION_NUMBER_INVALID")
	}
}

func TestUnknown(t *testing.T) {
	f := newFixture(t, standard(t).ISO(t))
	zero := "sha256:" + strings.Repeat("0", 64)
	base := "/v2/" + id + "/docker"
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		base + "/manifests/none":                       {404, "MANIFEST_UNKNOWN"},
		base + "/manifests/.INVALID_NAME":              {404, "MANIFEST_UNKNOWN"},
		base + "/manifests/" + zero:                    {404, "MANIFEST_UNKNOWN"},
		base + "/blobs/" + zero:                        {404, "BLOB_UNKNOWN"},
		base + "/blobs/1":                              {400, "DIGEST_INVALID"},
		base + "/blobs/" + strings.ToUpper(zero):       {400, "DIGEST_INVALID"},
		base + "/blobs/" + zero[:70] + "A":             {400, "DIGEST_INVALID"},
		base + "/blobs/" + zero + "0":                  {400, "DIGEST_INVALID"},
		base + "/blobs/sha512:" + zero[7:] + zero[7:]:  {400, "DIGEST_INVALID"},
		base + "/manifests/sha256:x":                   {400, "DIGEST_INVALID"},
		base + "/referrers/x":                          {400, "DIGEST_INVALID"},
		"/v2/none/docker/manifests/1":                  {404, "NAME_UNKNOWN"},
		"/v2/" + id + "/none/blobs/" + zero:            {404, "NAME_UNKNOWN"},
		"/v2/" + id + "/manifests/1":                   {404, "NAME_UNKNOWN"},
		"/v2/" + id + "/deep/er/manifests/1":           {404, "NAME_UNKNOWN"},
		"/v2/" + id + "/Docker/manifests/1":            {400, "NAME_INVALID"},
		"/v2/" + strings.Repeat("a", 256) + "/blobs/x": {400, "NAME_INVALID"},
		base + "/":                {404, "UNSUPPORTED"},
		base:                      {404, "UNSUPPORTED"},
		"/v2/x":                   {404, "UNSUPPORTED"},
		"/v2/manifests/1":         {404, "UNSUPPORTED"},
		"/v2x/":                   {404, "UNSUPPORTED"},
		base + "/tags/other":      {404, "UNSUPPORTED"},
		base + "/blobs/uploads/x": {404, "UNSUPPORTED"},
	} {
		f.refused(f.get(path), want.status, want.code)
		if w := f.do(http.MethodHead, path); w.Code != want.status {
			t.Errorf("HEAD %s: status %d", path, w.Code)
		}
	}
}

// Nothing leads to a file that is no manifest or blob, in the archive or out of
// it.
func TestTraversal(t *testing.T) {
	b := standard(t)
	f := newFixture(t, b.ISO(t))
	digest := archivetest.Hex(b.Files()["images/docker/1/manifest.json"])
	blob := filepath.Base(b.Blobs("docker", "1")[0])
	for _, path := range []string{
		"/v2/" + id + "%2Fdocker/manifests/1",
		"/v2/" + id + "%2fdocker/blobs/sha256:" + blob,
		"/v2/" + id + "%252Fdocker/manifests/1",
		"/v2/" + id + "/deep%2Fer/oci/manifests/v1.0",
		"/v2/" + id + "/docker/../docker/manifests/1",
		"/v2/" + id + "/docker/%2e%2e/docker/manifests/1",
		"/v2/" + id + "/docker/%252e%252e/docker/manifests/1",
		"/v2/" + id + "/./docker/manifests/1",
		"/v2/" + id + "//docker/manifests/1",
		"/v2//" + id + "/docker/manifests/1",
		"/v2/" + id + "/docker/manifests//1",
		"/v2/" + id + "/docker/manifests/1/",
		"/v2/" + id + "/docker/manifests/..%2f1%2fmanifest.json",
		"/v2/" + id + "/docker/manifests/1%2f..%2f2",
		"/v2/" + id + "/docker/manifests/%2e%2e",
		"/v2/" + id + "/docker/manifests/..",
		"/v2/" + id + "/docker/manifests/%00",
		"/v2/" + id + "/docker/manifests/1%00",
		"/v2/" + id + "/docker/manifests/sha256%253A" + digest,
		"/v2/" + id + "/docker/blobs/sha256:" + blob + "%2f..",
		"/v2/" + id + "/docker/blobs/sha256:..%2F..%2F..%2Fmanifest.yaml",
		"/v2/" + id + "/docker/blobs/sha256:../../../manifest.yaml",
		"/v2/" + id + "/docker/blobs/..%2f..%2f..%2f..%2fetc%2fpasswd",
		"/v2/" + id + "/../../etc/passwd/blobs/sha256:" + blob,
		"/v2/" + id + "/docker/1/blobs/sha256:" + blob,
		"/v2/" + id + "\\docker/manifests/1",
		"/v2/" + id + "/docker%5c1/manifests/1",
		"/v2/" + id + "/docker;x/manifests/1",
		"/v2/images/docker/manifests/1",
	} {
		w := f.get(path)
		if w.Code != http.StatusNotFound && w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d, %.100s", path, w.Code, w.Body)
		}
	}
	// One encoding of what needs none is the same thing.
	if w := f.get("/v2/" + id + "/%64ocker/manifests/%31"); w.Code != http.StatusOK {
		t.Errorf("an encoded letter: status %d", w.Code)
	}
}

// refer adds an image a:<tag> that refers to subject, and returns its manifest.
func refer(b *archivetest.Builder, tag string, subject []byte, more string) string {
	descriptor := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + archivetest.Hex(subject) + `","size":` + itoa(len(subject)) + `}`
	empty := `{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:` + archivetest.Hex([]byte("{}")) + `","size":2}`
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` + more + `"config":` + empty + `,"layers":[` + empty + `],"subject":` + descriptor + `}`
	dir := "images/a/" + tag + "/"
	b.WithFile(dir+"manifest.json", manifest).WithFile(dir+"version", archivetest.VersionFile).WithFile(dir+archivetest.Hex([]byte("{}")), "{}")
	return manifest
}

func TestReferrers(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	signature := refer(b, "signature", subject, `"artifactType":"application/x.signature","annotations":{"k":"v"},`)
	refer(b, "again", subject, `"artifactType":"application/x.signature","annotations":{"k":"v"},`)
	plain := refer(b, "plain", subject, "")
	f := newFixture(t, b.ISO(t))
	want := func(list ...descriptorOf) []descriptorOf {
		slices.SortFunc(list, func(x, y descriptorOf) int { return strings.Compare(x.Digest, y.Digest) })
		return list
	}
	one := descriptorOf{typeOCIManifest, "sha256:" + archivetest.Hex([]byte(signature)), int64(len(signature)), "application/x.signature", map[string]string{"k": "v"}}
	two := descriptorOf{typeOCIManifest, "sha256:" + archivetest.Hex([]byte(plain)), int64(len(plain)), "application/vnd.oci.empty.v1+json", nil}
	path := "/v2/" + id + "/a/referrers/sha256:" + archivetest.Hex(subject)
	f.refers(path, false, want(one, two))
	f.refers(path+"?artifactType=application/x.signature", true, want(one))
	f.refers(path+"?artifactType=none", true, []descriptorOf{})
	f.refers(path+"?artifactType=", false, want(one, two))
	// JSON may write a name with escapes.
	escaped := strings.Replace(signature, `"subject"`, `"\u0073ubject"`, 1)
	e := newFixture(t, archivetest.New(t).WithImage("a", "1", archivetest.OCI()).WithFile("images/a/e/manifest.json", escaped).
		WithFile("images/a/e/version", archivetest.VersionFile).WithFile("images/a/e/"+archivetest.Hex([]byte("{}")), "{}").ISO(t))
	three := one
	three.Digest, three.Size = "sha256:"+archivetest.Hex([]byte(escaped)), int64(len(escaped))
	e.refers(path, false, want(three))
	// The specification: never 404.
	for _, repository := range []string{id + "/a", id + "/none", "none", "none/a"} {
		f.refers("/v2/"+repository+"/referrers/sha256:"+strings.Repeat("0", 64), false, []descriptorOf{})
	}
}

// descriptorOf is as the specification writes it, not as the package does.
type descriptorOf struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType"`
	Annotations  map[string]string `json:"annotations"`
}

func (f *fixture) refers(path string, filtered bool, want []descriptorOf) {
	f.t.Helper()
	w := f.get(path)
	var index struct {
		SchemaVersion int            `json:"schemaVersion"`
		MediaType     string         `json:"mediaType"`
		Manifests     []descriptorOf `json:"manifests"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &index); err != nil {
		f.t.Fatalf("%s: status %d, %s", path, w.Code, w.Body)
	}
	h := w.Header()
	if w.Code != http.StatusOK || h.Get("Content-Type") != typeOCIIndex || index.MediaType != typeOCIIndex || index.SchemaVersion != 2 || (h.Get("Oci-Filters-Applied") == "artifactType") != filtered {
		f.t.Errorf("%s: status %d, %v, %s", path, w.Code, h, w.Body)
	}
	if diff := cmp.Diff(want, index.Manifests); diff != "" {
		f.t.Errorf("%s: -want +got:\n%s", path, diff)
	}
}

// Manifests that were asked for last are kept, and no more than cacheBytes.
func TestCache(t *testing.T) {
	c := newCache()
	put := func(i byte, size int) { c.put(newManifest(digest{i}, "", make([]byte, size))) }
	for i := range byte(10) {
		put(i, cachedBytes)
		put(i, cachedBytes)
		if c.get(digest{0}) == nil {
			t.Errorf("the first one is gone after %d, though asked for all the time", i)
		}
	}
	put(10, cachedBytes+1)
	got := slices.SortedFunc(maps.Keys(c.entries), func(a, b digest) int { return int(a[0]) - int(b[0]) })
	want := []digest{{0}, {3}, {4}, {5}, {6}, {7}, {8}, {9}}
	if diff := cmp.Diff(want, got); diff != "" || c.size != cacheBytes || c.recent.Len() != len(want) {
		t.Errorf("%d bytes, %d entries, %s", c.size, c.recent.Len(), diff)
	}
	if c.get(digest{1}) != nil {
		t.Error("one that was dropped is there")
	}
}
