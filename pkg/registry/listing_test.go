// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// listingOf tells what is in an archive.
func listingOf(t *testing.T, b *archivetest.Builder) (*Listing, error) {
	t.Helper()
	a, err := archive.Open(b.ISO(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return List(a)
}

func TestList(t *testing.T) {
	b := archivetest.Empty(t).
		WithImage("b/index", "2", archivetest.OCI(), archivetest.Index("linux/amd64", "linux/arm64")).
		WithImage("b/index", "1").
		WithImage("a", "1", archivetest.OCI())
	subject := b.Files()["images/a/1/manifest.json"]
	refer(b, "signature", subject, "")
	// What is not what its name says is left out.
	b.WithFile("images/a/1/"+archivetest.Hex([]byte("x"))+childSuffix, string(subject))
	l, err := listingOf(t, b)
	if err != nil {
		t.Fatal(err)
	}
	manifest := func(path, mediaType string) ListedManifest {
		return ListedManifest{"sha256:" + archivetest.Hex(b.Files()[path]), mediaType, path}
	}
	children := b.Children("b/index", "2")
	want := &Listing{ID: id, Skipped: l.Skipped, Repositories: []ListedRepository{
		{
			Name: "a",
			Images: []ListedImage{
				{Tag: "1", Path: "images/a/1", Manifests: []ListedManifest{manifest("images/a/1/manifest.json", typeOCIManifest)}},
				{Tag: "signature", Path: "images/a/signature", Manifests: []ListedManifest{manifest("images/a/signature/manifest.json", typeOCIManifest)}},
			},
			Referrers: map[string][]byte{"sha256:" + archivetest.Hex(subject): newFixture(t, b.ISO(t)).get("/v2/" + id + "/a/referrers/sha256:" + archivetest.Hex(subject)).Body.Bytes()},
		},
		{Name: "b/index", Referrers: map[string][]byte{}, Images: []ListedImage{
			{Tag: "1", Path: "images/b/index/1", Manifests: []ListedManifest{manifest("images/b/index/1/manifest.json", "application/vnd.docker.distribution.manifest.v2+json")}},
			{Tag: "2", Path: "images/b/index/2", Manifests: []ListedManifest{
				manifest("images/b/index/2/manifest.json", typeOCIIndex), manifest(children[0], typeOCIManifest), manifest(children[1], typeOCIManifest),
			}},
		}},
	}}
	if diff := cmp.Diff(want, l, cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() })); diff != "" || len(l.Skipped) != 1 {
		t.Errorf("%v, -want +got:\n%s", l.Skipped, diff)
	}
}

// What could not be imported, or pulled, is not listed.
func TestListRefuses(t *testing.T) {
	for name, b := range map[string]*archivetest.Builder{
		"a blob is missing": archivetest.New(t).Without(archivetest.New(t).Blobs("example-solution-ui", "1.0.0")[0]),
		"the id has a plus": archivetest.New(t).WithVersion("1.0.0+b3"),
	} {
		if l, err := listingOf(t, b); err == nil || l != nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
