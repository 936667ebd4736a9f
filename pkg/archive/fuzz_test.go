// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// FuzzInspect checks that nothing in an archive makes its inspection panic or
// contradict itself.
func FuzzInspect(f *testing.F) {
	b := archivetest.New(f).WithImage("x", "1", archivetest.Index("linux/amd64"))
	files := b.Files()
	for _, image := range []string{"example-solution-operator/1.0.0", "example-solution-ui/1.0.0", "x/1"} {
		f.Add(files["manifest.yaml"], files["images/"+image+"/manifest.json"], []byte(archivetest.Role), []byte(archivetest.CRD))
	}
	f.Add([]byte("kind: Solution\na: &a [x, *a]\n<<: *a"), []byte("null"), []byte("a: &a [*a]"), []byte("--- \n... \n%"))
	// The blobs of a valid image, for the manifest to lead to.
	all, blobs := b.FS(), fstest.MapFS{}
	for _, path := range append(b.Blobs("x", "1"), b.Children("x", "1")...) {
		blobs[path] = all[path]
	}
	rules := map[string]bool{}
	for _, rule := range archive.Rules() {
		rules[rule.Name] = true
	}
	f.Fuzz(func(t *testing.T, manifest, image, role, crd []byte) {
		fsys := fstest.MapFS{
			"manifest.yaml":                    {Data: manifest},
			"images/x/1/manifest.json":         {Data: image},
			"images/x/1/version":               {Data: []byte(archivetest.VersionFile)},
			"operator/deploy/role.yaml":        {Data: role},
			"operator/deploy/crds/a_crd.yaml":  {Data: crd},
			"operator/deploy/crds/sample.yaml": {Data: crd},
		}
		maps.Copy(fsys, blobs)
		a := archive.New("a.iso", fsys)
		content, inspected := a.Inspect()
		report, err := a.Verify(t.Context(), archive.VerifyOptions{Workers: 1})
		if err != nil || lines(inspected) != lines(report) {
			t.Fatalf("%v\nInspect:\n%s\nVerify:\n%s", err, lines(inspected), lines(report))
		}
		unusable := regexp.MustCompile(`(?m)^error\(import\) manifest-`).MatchString(lines(report))
		if (content == nil) != unusable {
			t.Fatalf("content %v with findings:\n%s", content, lines(report))
		}
		for _, finding := range report.Findings {
			if !rules[finding.Rule] || strings.ContainsAny(finding.String(), "\n\x1b") {
				t.Fatalf("finding %+v", finding)
			}
		}
		if content == nil {
			return
		}
		for _, image := range content.Images {
			if image.String() != "x:1" || image.Size < 0 || len(image.Digest) != 71 {
				t.Fatalf("image %+v", image)
			}
		}
	})
}

// FuzzDecodeDocuments checks that no document gets lost: one more at the end is
// one more in the result.
func FuzzDecodeDocuments(f *testing.F) {
	for _, text := range []string{archivetest.Role, archivetest.CRD, "a: |\n  ---\n...\n", "--- # a\n%b\n", "a: 1\r---\u2028b: 2", nestedAliases(3)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, err := archive.DecodeDocuments(data)
		if err != nil {
			return
		}
		more, err := archive.DecodeDocuments(append(append([]byte{}, data...), "\n---\nlast: 1\n"...))
		if err != nil || len(more) != len(documents)+1 || more[len(documents)]["last"] != int64(1) {
			t.Fatalf("%d documents, and %d with one more: %v", len(documents), len(more), err)
		}
	})
}
