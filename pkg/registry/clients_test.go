// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/crane"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// serve runs a server with these archives, and returns host:port.
func serve(t *testing.T, isos ...string) string {
	t.Helper()
	r := run(t, isos...)
	r.serving(len(isos))
	return strings.TrimPrefix(r.url, "http://")
}

// go-containerregistry, which crane is made of, pulls everything, and checks
// every digest, size and media type.
func TestGoContainerRegistry(t *testing.T) {
	b := standard(t)
	files := b.Files()
	host := serve(t, b.ISO(t), archivetest.New(t).WithVersion("2.0.0").ISO(t))
	registry, err := name.NewRegistry(host, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	repositories, err := remote.Catalog(t.Context(), registry)
	if err != nil || len(repositories) != 8 {
		t.Errorf("%q, %v", repositories, err)
	}
	few, err := remote.CatalogPage(registry, repositories[1], 2)
	if diff := cmp.Diff(repositories[2:4], few); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	var images int
	for _, repository := range repositories {
		repo := registry.Repo(repository)
		tags, err := remote.List(repo)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			images++
			dir := "images/" + strings.SplitN(repository, "/", 2)[1] + "/" + tag
			crane.Pull(t, repo.Tag(tag), files[dir+"/manifest.json"])
		}
	}
	if images != 9 {
		t.Errorf("%d images", images)
	}
}

func TestGoContainerRegistryReferrers(t *testing.T) {
	b := archivetest.New(t).WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	refer(b, "signature", subject, `"artifactType":"application/x.signature",`)
	host := serve(t, b.ISO(t))
	repo, err := name.NewRepository(host+"/"+id+"/a", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	list := func(options ...remote.Option) []v1.Descriptor {
		index, err := remote.Referrers(repo.Digest("sha256:"+archivetest.Hex(subject)), options...)
		if err != nil {
			t.Fatal(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		return m.Manifests
	}
	if got := list(); len(got) != 1 || got[0].ArtifactType != "application/x.signature" {
		t.Errorf("%+v", got)
	}
	if got := list(remote.WithFilter("artifactType", "other")); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// skopeo copies into the layout that archives have: every file is as it was.
func TestSkopeo(t *testing.T) {
	need.Program(t, "skopeo")
	b := standard(t)
	host := serve(t, b.ISO(t))
	for image, all := range map[string]bool{"docker/1": false, "deep/er/oci/v1.0": false, "list/1": true} {
		i := strings.LastIndexByte(image, '/')
		dir := t.TempDir()
		args := []string{"copy", "--quiet", "--src-tls-verify=false", "docker://" + host + "/" + id + "/" + image[:i] + ":" + image[i+1:], "dir:" + dir}
		if all {
			// Without --preserve-digests it writes an index anew.
			args = append(args, "--all", "--preserve-digests")
		}
		if out, err := exec.CommandContext(t.Context(), "skopeo", args...).CombinedOutput(); err != nil {
			t.Errorf("skopeo %q: %v\n%s", args, err, out)
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !bytes.Equal(read(t, filepath.Join(dir, entry.Name())), b.Files()["images/"+image+"/"+entry.Name()]) {
				t.Errorf("%s: %s is another", image, entry.Name())
			}
		}
		if want := len(b.Blobs(image[:i], image[i+1:])) + len(b.Children(image[:i], image[i+1:])) + 2; len(entries) != want {
			t.Errorf("%s: %d files, want %d", image, len(entries), want)
		}
	}
}
