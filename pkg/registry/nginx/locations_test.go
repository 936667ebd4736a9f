// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
)

// compared are the headers that have to be the same.
var compared = []string{"Content-Type", "Content-Length", "Content-Range", "Docker-Content-Digest", "Docker-Distribution-Api-Version", "Etag", "Allow"}

// same holds an answer of nginx against that of our own registry.
func same(t *testing.T, theirs, ours answer, what string) {
	t.Helper()
	if theirs.status != ours.status {
		t.Errorf("%s: status %d, and ours %d\n%s\n%s", what, theirs.status, ours.status, theirs.body, ours.body)
		return
	}
	if ours.status >= 400 {
		if got, want := code(theirs.body), code(ours.body); got != want || theirs.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s, and ours %s", what, theirs.header.Get("Content-Type"), theirs.body, ours.body)
		}
		return
	}
	for _, name := range compared {
		if diff := cmp.Diff(ours.header.Values(name), theirs.header.Values(name)); diff != "" {
			t.Errorf("%s: %s: -ours +theirs:\n%s", what, name, diff)
		}
	}
	if diff := cmp.Diff(string(ours.body), string(theirs.body)); diff != "" {
		t.Errorf("%s: -ours +theirs:\n%s", what, diff)
	}
}

// code is that of the specification's JSON for errors; an answer to HEAD has
// none.
func code(body []byte) string {
	var e struct {
		Errors []struct{ Code, Message string } `json:"errors"`
	}
	if err := json.Unmarshal(body, &e); err != nil || len(e.Errors) != 1 || e.Errors[0].Message == "" {
		return string(body)
	}
	return e.Errors[0].Code
}

// paths are all that an archive has, below /v2/.
func paths(b *archivetest.Builder) []string {
	set := map[string]bool{}
	for path := range b.Files() {
		rest, found := strings.CutPrefix(path, "images/")
		dir, file := filepath.Split(rest)
		if !found || file == "version" || file == "" {
			continue
		}
		name, tag := filepath.Split(strings.TrimSuffix(dir, "/"))
		base := "/v2/" + id + "/" + name
		set[base+"tags/list"] = true
		digits, isChild := strings.CutSuffix(file, ".manifest.json")
		switch {
		case file == "manifest.json":
			digest := "sha256:" + archivetest.Hex(b.Files()[path])
			set[base+"manifests/"+tag], set[base+"manifests/"+digest], set[base+"referrers/"+digest] = true, true, true
		case isChild:
			set[base+"manifests/sha256:"+digits] = true
		default:
			set[base+"blobs/sha256:"+file] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// What is in an archive is answered as our own registry does.
func TestSameAnswers(t *testing.T) {
	b := standard(t)
	// Long, and with all that JSON and nginx escape.
	refer(b, "docker", "signature", b.Files()["images/docker/1/manifest.json"], `"\"\\\n\t\u0001 é;{}#'`+strings.Repeat(`\\\"é`, 1500)+`"`)
	// More tags than fit into one word of nginx.
	files := b.Files()
	for i := range 200 {
		dir := fmt.Sprintf("images/many/%s%d/", strings.Repeat("t", 100), i)
		for _, path := range append(b.Blobs("docker", "1"), "images/docker/1/manifest.json") {
			b.WithFile(dir+filepath.Base(path), string(files[path]))
		}
	}
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	extract(t, iso, root)
	theirs, ours := run(t, locations(t, iso, root)), ours(t, iso)
	all := paths(b)
	t.Logf("%d paths", len(all))
	for _, path := range all {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			same(t, ask(t, method, theirs+path), ask(t, method, ours+path), method+" "+path)
		}
		if !strings.Contains(path, "/many/") {
			for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
				same(t, ask(t, method, theirs+path), ask(t, method, ours+path), method+" "+path)
			}
		}
	}
}

// What nginx would take for a variable is told in another way.
func TestDollar(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1")
	subject := b.Files()["images/a/1/manifest.json"]
	refer(b, "a", "signature", subject, `"$1 ${uri} $"`)
	iso := b.ISO(t)
	a := ask(t, http.MethodGet, run(t, locations(t, iso, "/srv"))+"/v2/"+id+"/a/referrers/sha256:"+archivetest.Hex(subject))
	var index struct {
		Manifests []struct{ Annotations map[string]string }
	}
	if err := json.Unmarshal(a.body, &index); err != nil || len(index.Manifests) != 1 || index.Manifests[0].Annotations["k"] != "$1 ${uri} $" {
		t.Errorf("%v, %s", err, a.body)
	}
}

// Ranges and conditions.
func TestConditions(t *testing.T) {
	b := standard(t)
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	extract(t, iso, root)
	theirs, ours := run(t, locations(t, iso, root)), ours(t, iso)
	blob := b.Blobs("docker", "1")[0]
	path := "/v2/" + id + "/docker/blobs/sha256:" + filepath.Base(blob)
	etag := `"sha256:` + filepath.Base(blob) + `"`
	for _, header := range [][]string{
		{"Range", "bytes=0-3"},
		{"Range", "bytes=4-"},
		{"Range", "bytes=-5"},
		{"Range", "bytes=1000000-"},
		{"Range", "bytes=0-3", "If-Range", etag},
		{"Range", "bytes=0-3", "If-Range", `"other"`},
		{"If-None-Match", `"other"`},
		{"If-Modified-Since", "Mon, 02 Jan 2040 15:04:05 GMT"},
		{"Accept-Encoding", "gzip"},
	} {
		same(t, ask(t, http.MethodGet, theirs+path, header...), ask(t, http.MethodGet, ours+path, header...), strings.Join(header, ": "))
	}
	// Ours answers 304 here.
	if a := ask(t, http.MethodGet, theirs+path, "If-None-Match", etag); a.status != http.StatusOK || len(a.body) == 0 {
		t.Errorf("status %d", a.status)
	}
}

// What is not there is refused as our own registry does.
func TestSameErrors(t *testing.T) {
	b := standard(t)
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	extract(t, iso, root)
	theirs, ours := run(t, locations(t, iso, root)), ours(t, iso)
	unknown := "sha256:" + strings.Repeat("0", 64)
	base := "/v2/" + id + "/docker/"
	for _, path := range []string{
		"/v2/", "/v2", base + "manifests/3", base + "manifests/" + unknown, base + "manifests/sha256:0", base + "manifests/sha512:0", base + "manifests/" + strings.ToUpper(unknown[7:]),
		base + "blobs/" + unknown, base + "blobs/sha256:0", base + "blobs/x", base + "referrers/" + unknown, base + "referrers/x:y",
		"/v2/" + id + "/nothing/referrers/" + unknown, "/v2/" + id + "/nothing/blobs/" + unknown, "/v2/" + id + "/nothing/tags/list",
		base + "tags/other", base, "/v2/" + id + "/docker/x/y",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete} {
			same(t, ask(t, method, theirs+path), ask(t, method, ours+path), method+" "+path)
		}
	}
	// Which codes these have is not the same; no file of the machine is.
	for _, path := range []string{
		"/v2/" + id + "/nothing/manifests/1", "/v2/other-1.0.0/docker/manifests/1", "/v2/_catalog", "/", "/x", "/v2/" + id + "/_error/405", "/v2/" + id,
		base + "blobs/..%2f..%2f..%2fetc%2fpasswd", base + "manifests/../../../../etc/passwd", base + "blobs/%2e%2e/%2e%2e/manifest.yaml", "/manifest.yaml", "/v2/" + id + "/manifest.yaml", base + "1/manifest.json", base + "blobs/sha256:" + strings.Repeat("0", 64) + "%00",
	} {
		a := ask(t, http.MethodGet, theirs+path)
		if a.status < 400 || a.status > 503 || strings.Contains(string(a.body), "root:") {
			t.Errorf("%s: status %d, %s", path, a.status, a.body)
		}
	}
}

// A symbolic link in the tree leads nowhere, as one in the archive does.
func TestLinks(t *testing.T) {
	b := standard(t)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "secret")
	dir := b.Dir()
	hex := archivetest.Hex([]byte("x"))
	err := errors.Join(
		os.Symlink(secret, filepath.Join(dir, "images/docker/1", hex)),
		os.Symlink("1", filepath.Join(dir, "images/list/linked")),
	)
	if err != nil {
		t.Fatal(err)
	}
	iso := archivetest.Pack(t, dir, "xorriso", "-as", "mkisofs")
	listing := list(t, iso)
	var linked []string
	for _, r := range listing.Repositories {
		for _, i := range r.Images {
			if i.Linked {
				linked = append(linked, i.Path)
			}
		}
	}
	if diff := cmp.Diff([]string{"images/docker/1", "images/list/linked"}, linked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The tree is another than the archive, which has no links: images that
	// were not left out have some.
	root := filepath.Join(t.TempDir(), "tree")
	plain := b.ISO(t)
	extract(t, plain, root)
	manifest := filepath.Join(root, "images/docker/2/manifest.json")
	if err := errors.Join(os.Remove(manifest), os.Symlink(secret, manifest), os.Symlink(secret, filepath.Join(root, "images/docker/2", hex))); err != nil {
		t.Fatal(err)
	}
	url := run(t, locations(t, plain, root)) + "/v2/" + id + "/docker/"
	if a := ask(t, http.MethodGet, url+"manifests/1"); a.status != http.StatusOK {
		t.Errorf("what is no link: status %d, %s", a.status, a.body)
	}
	for _, path := range []string{"manifests/2", "blobs/sha256:" + hex} {
		if a := ask(t, http.MethodGet, url+path); a.status < 400 || strings.Contains(string(a.body), "secret") {
			t.Errorf("%s: status %d, %s", path, a.status, a.body)
		}
	}
	// Of the one that holds links, the linked images are left out.
	url = run(t, locations(t, iso, dir)) + "/v2/" + id
	for path, want := range map[string]int{"/docker/manifests/1": 404, "/docker/manifests/2": 200, "/list/manifests/linked": 404, "/list/manifests/1": 200} {
		if a := ask(t, http.MethodGet, url+path); a.status != want {
			t.Errorf("%s: status %d, %s", path, a.status, a.body)
		}
	}
}

// A tree that is not there is told from an image that is not.
func TestMissingTree(t *testing.T) {
	url := run(t, locations(t, archivetest.New(t).ISO(t), "/nonexistent")) + "/v2/" + id + "/example-solution-ui/"
	if a := ask(t, http.MethodGet, url+"manifests/1.0.0"); a.status != http.StatusServiceUnavailable || code(a.body) != "UNAVAILABLE" {
		t.Errorf("status %d, %s", a.status, a.body)
	}
	if a := ask(t, http.MethodGet, url+"manifests/2.0.0"); a.status != http.StatusNotFound || code(a.body) != "MANIFEST_UNKNOWN" {
		t.Errorf("status %d, %s", a.status, a.body)
	}
}

// Whatever the path of the tree, nginx reads it as that.
func TestOddRoot(t *testing.T) {
	iso := archivetest.New(t).ISO(t)
	root := filepath.Join(t.TempDir(), "a b;{c}#'d'*[e]?é(f)|~^%41%%")
	extract(t, iso, root)
	if a := ask(t, http.MethodGet, run(t, locations(t, iso, root))+"/v2/"+id+"/example-solution-ui/manifests/1.0.0"); a.status != http.StatusOK {
		t.Errorf("status %d, %s", a.status, a.body)
	}
	for _, root := range []string{"", "tree", "/a$b", "/a\"b", `/a\b`, "/a\nb", "/a\x00", "/\xff"} {
		if text, err := nginx.Locations(list(t, iso), root); err == nil || text != "" {
			t.Errorf("%q is taken for a path", root)
		}
	}
}

// Names that would change the configuration are refused, if ever they came.
func TestNames(t *testing.T) {
	const evil = "x\"; } location / { root /etc; #"
	iso := archivetest.New(t).ISO(t)
	for name, change := range map[string]func(*registry.Listing){
		"id":         func(l *registry.Listing) { l.ID = evil },
		"repository": func(l *registry.Listing) { l.Repositories[0].Name = evil },
		"tag":        func(l *registry.Listing) { l.Repositories[0].Images[0].Tag = evil },
		"variable":   func(l *registry.Listing) { l.Repositories[0].Images[0].Tag = "$uri" },
		"digest":     func(l *registry.Listing) { l.Repositories[0].Images[0].Manifests[0].Digest = evil },
		"media type": func(l *registry.Listing) { l.Repositories[0].Images[0].Manifests[0].MediaType = evil },
		"path":       func(l *registry.Listing) { l.Repositories[0].Images[0].Manifests[0].Path += evil },
		"way out":    func(l *registry.Listing) { l.Repositories[0].Images[0].Manifests[0].Path = "images/../../etc/passwd" },
		"no image":   func(l *registry.Listing) { l.Repositories[0].Images[0].Manifests = nil },
		"subject":    func(l *registry.Listing) { l.Repositories[0].Referrers = map[string][]byte{evil: nil} },
	} {
		l := list(t, iso)
		change(l)
		if text, err := nginx.Locations(l, "/srv"); err == nil || text != "" {
			t.Errorf("%s: taken", name)
		}
	}
}
