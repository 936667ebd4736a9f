// SPDX-License-Identifier: Apache-2.0

// Package archivetest makes Solution archives for tests: valid ones by
// default, with whatever a test wants to be different. The same calls make the
// same bytes.
package archivetest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"
)

// Builder makes an archive. Its methods change it and return it.
type Builder struct {
	tb       testing.TB
	manifest map[string]any
	// files has the content by path, and no manifest.yaml where it is to be
	// made of manifest.
	files      map[string][]byte
	noManifest bool
}

// New starts with a valid Solution: example-solution 1.0.0 with an Operator's
// image of that name and version, a UI's image, a role and a CRD. The manifest
// is minimal: names and defaults.
func New(tb testing.TB) *Builder {
	tb.Helper()
	return Empty(tb).
		WithImage("example-solution-operator", "1.0.0").
		WithImage("example-solution-ui", "1.0.0", OCI()).
		WithFile("operator/deploy/role.yaml", Role).
		WithFile("operator/deploy/crds/example_crd.yaml", CRD)
}

// Empty starts with a valid Solution, example-solution 1.0.0, that has no
// images, roles or CRDs; the directory images is there all the same.
func Empty(tb testing.TB) *Builder {
	return &Builder{
		tb: tb,
		manifest: map[string]any{
			"apiVersion": "solutions.metalk8s.scality.com/v1alpha1",
			"kind":       "Solution",
			"metadata": map[string]any{
				"name":        "example-solution",
				"annotations": map[string]any{"solutions.metalk8s.scality.com/display-name": "Example Solution"},
			},
			"spec": map[string]any{"version": "1.0.0"},
		},
		files: map[string][]byte{"images/": nil},
	}
}

const manifest = "manifest.yaml"

// Role is a role.yaml with a Role and a ClusterRole.
const Role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: example-operator
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: example-operator-nodes
rules:
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
`

// CRD is the definition of examples.example-solution.example.com.
const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: examples.example-solution.example.com
spec:
  group: example-solution.example.com
  scope: Namespaced
  names:
    kind: Example
    listKind: ExampleList
    plural: examples
    singular: example
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
`

// WithName sets metadata.name. Images are not renamed.
func (b *Builder) WithName(name string) *Builder { return b.With(name, "metadata", "name") }

// WithVersion sets spec.version. Images are not given new tags.
func (b *Builder) WithVersion(version string) *Builder { return b.With(version, "spec", "version") }

// With sets a field of the manifest to JSON data; nil removes it.
func (b *Builder) With(value any, path ...string) *Builder {
	m := b.manifest
	for _, key := range path[:len(path)-1] {
		next, _ := m[key].(map[string]any)
		if next == nil {
			next = map[string]any{}
			m[key] = next
		}
		m = next
	}
	last := path[len(path)-1]
	if value == nil {
		delete(m, last)
	} else {
		m[last] = value
	}
	return b
}

// WithManifest replaces manifest.yaml by this text.
func (b *Builder) WithManifest(text string) *Builder { return b.WithFile(manifest, text) }

// WithFile adds or replaces a file. A path that ends in "/" is an empty
// directory.
func (b *Builder) WithFile(path, content string) *Builder {
	b.files[path] = []byte(content)
	return b
}

// Without removes a file, or a directory and what is in it. It fails the test
// where there is none.
func (b *Builder) Without(path string) *Builder {
	b.tb.Helper()
	before := len(b.Files())
	maps.DeleteFunc(b.files, func(name string, _ []byte) bool {
		return name == path || strings.HasPrefix(name, strings.TrimSuffix(path, "/")+"/")
	})
	b.noManifest = b.noManifest || path == manifest
	if len(b.Files()) == before {
		b.tb.Fatalf("archivetest: Without(%q): there is no such file among %q", path, slices.Sorted(maps.Keys(b.Files())))
	}
	return b
}

// Files returns the content of the archive by path; a directory that would
// else not be there has a path that ends in "/".
func (b *Builder) Files() map[string][]byte {
	b.tb.Helper()
	files := maps.Clone(b.files)
	if _, found := files[manifest]; !found && !b.noManifest {
		data, err := yaml.Marshal(b.manifest)
		if err != nil {
			b.tb.Fatalf("archivetest: encoding the manifest: %v", err)
		}
		files[manifest] = data
	}
	return files
}

// FS returns the archive as a file system in memory.
func (b *Builder) FS() fstest.MapFS {
	b.tb.Helper()
	fsys := fstest.MapFS{}
	for path, data := range b.Files() {
		if dir, isDir := strings.CutSuffix(path, "/"); isDir {
			fsys[dir] = &fstest.MapFile{Mode: os.ModeDir | 0o755}
			continue
		}
		fsys[path] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	return fsys
}

// Dir writes the archive's tree to a temporary directory. Equal files of images
// are hard links, as in archives in the field.
func (b *Builder) Dir() string {
	b.tb.Helper()
	dir := b.tb.TempDir()
	files := b.Files()
	first := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err := b.write(target, files[path], strings.HasSuffix(path, "/"), first, strings.HasPrefix(path, "images/")); err != nil {
			b.tb.Fatalf("archivetest: %v", err)
		}
	}
	return dir
}

func (b *Builder) write(target string, data []byte, isDir bool, first map[string]string, link bool) error {
	if isDir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if other, found := first[string(data)]; found && link {
		return os.Link(other, target)
	}
	if link {
		first[string(data)] = target
	}
	if err := os.WriteFile(target, data, 0o644); err != nil {
		return fmt.Errorf("writing the tree: %w", err)
	}
	return nil
}
