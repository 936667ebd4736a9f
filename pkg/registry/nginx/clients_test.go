// SPDX-License-Identifier: Apache-2.0

package nginx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/crane"
)

// A tree as xorriso extracts it, and go-containerregistry, which crane is made
// of: it pulls everything, and checks every digest, size and media type.
func TestGoContainerRegistry(t *testing.T) {
	b := standard(t)
	refer(b, "index", "signature", b.Files()["images/index/1/manifest.json"], `"v"`)
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	command(t, "xorriso", "-osirrox", "on:auto_chmod_on", "-indev", iso, "-extract", "/", root)
	host := strings.TrimPrefix(run(t, locations(t, iso, root)), "http://")
	registry, err := name.NewRegistry(host, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pulled := 0
	for _, r := range list(t, iso).Repositories {
		repo := registry.Repo(id, r.Name)
		tags, err := remote.List(repo)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, i := range r.Images {
			want = append(want, i.Tag)
		}
		if diff := cmp.Diff(want, tags); diff != "" {
			t.Errorf("%s: -want +got:\n%s", repo, diff)
		}
		for _, tag := range tags {
			crane.Pull(t, repo.Tag(tag), b.Files()["images/"+r.Name+"/"+tag+"/manifest.json"])
			pulled++
		}
	}
	if pulled != 11 {
		t.Errorf("%d images", pulled)
	}
	repo := registry.Repo(id, "index")
	subject := repo.Digest("sha256:" + archivetest.Hex(b.Files()["images/index/1/manifest.json"]))
	index, err := remote.Referrers(subject, remote.WithFilter("artifactType", "application/x.signature"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// skopeo copies into the layout that archives have: every file is as it was.
func TestSkopeo(t *testing.T) {
	b := standard(t)
	iso, root := b.ISO(t), filepath.Join(t.TempDir(), "tree")
	extract(t, iso, root)
	host := strings.TrimPrefix(run(t, locations(t, iso, root)), "http://")
	for image, all := range map[string]bool{"docker/1": false, "deep/er/o__c.i/v1.0_-x": false, "list/1": true, "index/again": true} {
		i := strings.LastIndexByte(image, '/')
		dir := t.TempDir()
		args := []string{"copy", "--quiet", "--src-tls-verify=false"}
		if all {
			// Without --preserve-digests it writes an index anew.
			args = append(args, "--all", "--preserve-digests")
		}
		command(t, "skopeo", append(args, "docker://"+host+"/"+id+"/"+image[:i]+":"+image[i+1:], "dir:"+dir)...)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil || !bytes.Equal(data, b.Files()["images/"+image+"/"+entry.Name()]) {
				t.Errorf("%s: %s is another: %v", image, entry.Name(), err)
			}
		}
		if want := len(b.Blobs(image[:i], image[i+1:])) + len(b.Children(image[:i], image[i+1:])) + 2; len(entries) != want {
			t.Errorf("%s: %d files, want %d", image, len(entries), want)
		}
	}
}
