// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

var (
	operator = v1alpha1.ImageName{Name: "example-solution-operator", Tag: "1.0.0"}
	ui       = v1alpha1.ImageName{Name: "example-solution-ui", Tag: "1.0.0"}
)

func inspect(t *testing.T, b *archivetest.Builder) *v1alpha1.Content {
	t.Helper()
	content, _ := archive.New("a.iso", b.FS()).Inspect()
	if content == nil {
		t.Fatal("no content")
	}
	return content
}

func TestInspect(t *testing.T) {
	b := archivetest.New(t)
	content := inspect(t, b)
	want := &v1alpha1.Content{
		ID: "example-solution-1.0.0", Name: "example-solution", Version: "1.0.0", DisplayName: "Example Solution",
		Operator: &operator, UI: &ui, UIDeploy: true,
		CRDs: []v1alpha1.CRD{{
			Name: "examples.example-solution.example.com", Path: "operator/deploy/crds/example_crd.yaml",
			APIVersion: "apiextensions.k8s.io/v1", Group: "example-solution.example.com", Kind: "Example",
			Plural: "examples", Namespaced: true, Versions: []string{"v1alpha1"}, Storage: "v1alpha1", Served: []string{"v1alpha1"},
			Digest: crdDigest(t, archivetest.CRD),
		}},
	}
	ignore := cmpopts.IgnoreFields(v1alpha1.Content{}, "Manifest", "Images", "Roles")
	if diff := cmp.Diff(want, content, ignore); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	rule := map[string]any{"apiGroups": []any{""}, "resources": []any{"nodes"}, "verbs": []any{"get"}}
	role := map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": map[string]any{"name": "example-operator-nodes"}, "rules": []any{rule},
	}
	if diff := cmp.Diff(role, content.Roles[1]); diff != "" || len(content.Roles) != 2 {
		t.Errorf("%d roles, the second (-want +got):\n%s", len(content.Roles), diff)
	}
}

// The same archive reads the same as a tree and as an image.
func TestInspectEverywhere(t *testing.T) {
	b := archivetest.New(t).WithImage("base", "1", archivetest.Index("linux/amd64", "linux/arm64")).
		WithImage("base", "latest", archivetest.Index("linux/amd64", "linux/arm64"))
	want, report := archive.New("tree", b.FS()).Inspect()
	if len(report.Findings) > 0 || want == nil {
		t.Fatal(report)
	}
	dir := b.Dir()
	opened := map[string]*archive.Archive{"dir": archive.New(dir, os.DirFS(dir))}
	for name, iso := range map[string]string{"xorriso": b.ISO(t), "genisoimage": b.GenISO(t)} {
		a, err := archive.Open(iso)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		opened[name] = a
	}
	for name, a := range opened {
		got, report := a.Inspect()
		if diff := cmp.Diff(want, got); diff != "" || len(report.Findings) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", name, report.Findings, diff)
		}
	}
}

func TestImages(t *testing.T) {
	b := archivetest.Empty(t).
		WithImage("docker", "1", archivetest.Layers("a", "b", "a")).
		WithImage("index", "1", archivetest.OCI(), archivetest.Index("linux/amd64", "linux/arm64"))
	files := b.Files()
	sizes := map[string]int64{}
	for _, name := range []string{"docker", "index"} {
		for _, path := range append(append(b.Blobs(name, "1"), b.Children(name, "1")...), "images/"+name+"/1/manifest.json") {
			sizes[name] += int64(len(files[path]))
		}
	}
	want := []v1alpha1.Image{
		{ImageName: v1alpha1.ImageName{Name: "docker", Tag: "1"}, MediaType: "application/vnd.docker.distribution.manifest.v2+json", Size: sizes["docker"]},
		{ImageName: v1alpha1.ImageName{Name: "index", Tag: "1"}, MediaType: "application/vnd.oci.image.index.v1+json", Size: sizes["index"]},
	}
	for i := range want {
		want[i].Digest = fmt.Sprintf("sha256:%x", sha256.Sum256(files["images/"+want[i].Name+"/1/manifest.json"]))
	}
	if diff := cmp.Diff(want, inspect(t, b).Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

// A tag may be a symbolic link to another, and one that leads nowhere or out
// of the image is none.
func TestLinkedTag(t *testing.T) {
	dir := archivetest.Empty(t).WithImage("base", "1").Dir()
	for name, target := range map[string]string{"latest": "1", "gone": "2", "out": "../../.."} {
		if err := os.Symlink(target, filepath.Join(dir, "images", "base", name)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := archive.Open(archivetest.Pack(t, dir, "xorriso", "-as", "mkisofs"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	content, report := a.Inspect()
	if len(report.Findings) > 0 || len(content.Images) != 2 || content.Images[1].Tag != "latest" ||
		content.Images[1].Digest != content.Images[0].Digest {
		t.Errorf("%s\n%+v", lines(report), content)
	}
}

// Manifests may leave out their media type.
func TestMediaTypeByContent(t *testing.T) {
	b := archivetest.Empty(t).WithImage("a", "1").WithImage("b", "1", archivetest.Index("linux/amd64"))
	replace(b, "images/a/1/manifest.json", `,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"`, "")
	replace(b, "images/b/1/manifest.json", `,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json"`, "")
	images := inspect(t, b).Images
	if images[0].MediaType != "application/vnd.oci.image.manifest.v1+json" || images[1].MediaType != "application/vnd.oci.image.index.v1+json" {
		t.Errorf("%+v", images)
	}
}

func TestDefaults(t *testing.T) {
	image := func(name, tag any) map[string]any { return map[string]any{"name": name, "tag": tag} }
	for _, c := range []struct {
		name  string
		build func(b *archivetest.Builder)
		spec  map[string]any
		// images of the content, nil for those of spec
		images       []any
		operator, ui bool
	}{
		{
			name: "all by default", build: func(b *archivetest.Builder) { b.WithImage("a", "2").WithImage("a", "10") },
			spec: map[string]any{
				"images":   []any{"a:10", "a:2", operator.String(), ui.String()},
				"operator": map[string]any{"image": image(operator.Name, "1.0.0")}, "ui": map[string]any{"image": image(ui.Name, "1.0.0")},
			},
			operator: true, ui: true,
		},
		{
			name: "nothing there",
			build: func(b *archivetest.Builder) {
				b.Without("images/example-solution-operator").Without("images/example-solution-ui")
			},
			spec: map[string]any{"images": []any{}},
		},
		{
			name: "listed in an order", build: func(b *archivetest.Builder) {
				b.WithImage("a", "1").WithImage("b", "1").With([]any{"b:1", "gone:1", "a:1", "b:1"}, "spec", "images")
			},
			spec: map[string]any{
				"images":   []any{"b:1", "a:1"},
				"operator": map[string]any{"image": image(operator.Name, "1.0.0")}, "ui": map[string]any{"image": image(ui.Name, "1.0.0")},
			},
			images:   []any{"a:1", "b:1", operator.String(), ui.String()},
			operator: true, ui: true,
		},
		{
			name: "named, and not there", build: func(b *archivetest.Builder) {
				b.With("gone", "spec", "operator", "image", "name").With("2", "spec", "ui", "image", "tag").With(false, "spec", "ui", "deploy")
			},
			spec: map[string]any{"images": []any{operator.String(), ui.String()}, "ui": map[string]any{"deploy": false}},
		},
		{
			name: "a part given, the rest kept", build: func(b *archivetest.Builder) {
				b.WithImage("other", "1.0.0").With("other", "spec", "operator", "image", "name").With("y", "spec", "operator", "x").
					With("y", "spec", "operator", "image", "x").With("y", "spec", "x").Without("images/example-solution-ui")
			},
			spec: map[string]any{
				"images":   []any{operator.String(), "other:1.0.0"},
				"operator": map[string]any{"image": map[string]any{"name": "other", "tag": "1.0.0", "x": "y"}, "x": "y"}, "x": "y",
			},
			operator: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := archivetest.New(t)
			c.build(b)
			content := inspect(t, b)
			c.spec["version"] = "1.0.0"
			if diff := cmp.Diff(c.spec, content.Manifest["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if c.images == nil {
				c.images, _ = c.spec["images"].([]any)
			}
			names := []any{}
			for _, image := range content.Images {
				names = append(names, image.String())
			}
			if diff := cmp.Diff(c.images, names); diff != "" {
				t.Errorf("images (-want +got):\n%s", diff)
			}
			if (content.Operator != nil) != c.operator || (content.UI != nil) != c.ui {
				t.Errorf("operator %v, UI %v", content.Operator, content.UI)
			}
		})
	}
}

// Whatever is a mapping, absent or null: a default finds its place.
func TestDefaultsIntoNull(t *testing.T) {
	b := archivetest.New(t).WithManifest(`
apiVersion: solutions.metalk8s.scality.com/v1alpha1
kind: Solution
metadata: {name: example-solution}
spec: {version: 1.0.0, operator: null, ui: {image: null}, images: []}
annotations: {solutions.metalk8s.scality.com/display-name: Top}
`)
	content := inspect(t, b)
	image := map[string]any{"image": map[string]any{"name": operator.Name, "tag": operator.Tag}}
	if diff := cmp.Diff(image, content.Manifest["spec"].(map[string]any)["operator"]); diff != "" || content.DisplayName != "Top" {
		t.Errorf("%s: (-want +got):\n%s", content.DisplayName, diff)
	}
}

// crdDigest computes the digest of a definition by another way: YAML to JSON
// sorts keys.
func crdDigest(t *testing.T, text string) string {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data))
}

// Served are the versions that are, in their order.
func TestServedVersions(t *testing.T) {
	b := archivetest.Empty(t).WithFile("operator/deploy/crds/a.yaml", strings.Replace(archivetest.CRD, "versions:\n", `versions:
  - {name: v1, served: true, storage: false}
  - {name: v1beta1, served: false, storage: false}
`, 1))
	crd := inspect(t, b).CRDs[0]
	if diff := cmp.Diff([]string{"v1", "v1alpha1"}, crd.Served); diff != "" || len(crd.Versions) != 3 {
		t.Errorf("of %v served (-want +got):\n%s", crd.Versions, diff)
	}
}

func TestCRDs(t *testing.T) {
	const old = `
apiVersion: apiextensions.k8s.io/v1beta1
kind: CustomResourceDefinition
metadata: {name: olds.example.com}
spec: {group: example.com, scope: Cluster, version: v1, names: {kind: Old, plural: olds}}
`
	b := archivetest.Empty(t).
		WithFile("operator/deploy/crds/a.yml", "kind: Sample\napiVersion: v1\n--- # two\n"+archivetest.CRD+"...\n").
		WithFile("operator/deploy/crds/b_crd.yaml", old).
		WithFile("operator/deploy/crds/sub/c_crd.yaml", archivetest.CRD)
	want := []v1alpha1.CRD{
		{
			Name: "examples.example-solution.example.com", Path: "operator/deploy/crds/a.yml", APIVersion: "apiextensions.k8s.io/v1",
			Group: "example-solution.example.com", Kind: "Example", Plural: "examples", Namespaced: true,
			Versions: []string{"v1alpha1"}, Storage: "v1alpha1", Served: []string{"v1alpha1"}, Digest: crdDigest(t, archivetest.CRD),
		},
		{
			Name: "olds.example.com", Path: "operator/deploy/crds/b_crd.yaml", APIVersion: "apiextensions.k8s.io/v1beta1",
			Group: "example.com", Kind: "Old", Plural: "olds", Digest: crdDigest(t, old),
		},
	}
	if diff := cmp.Diff(want, inspect(t, b).CRDs); diff != "" {
		t.Errorf("CRDs (-want +got):\n%s", diff)
	}
}
