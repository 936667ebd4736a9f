// SPDX-License-Identifier: Apache-2.0

package archivetest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

func TestSameCallsSameBytes(t *testing.T) {
	files := func() map[string][]byte {
		return archivetest.New(t).WithImage("a", "1", archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("x", "y")).Files()
	}
	if diff := cmp.Diff(files(), files()); diff != "" {
		t.Error(diff)
	}
}

func TestBlobs(t *testing.T) {
	b := archivetest.Empty(t).WithImage("a", "1", archivetest.OCI(), archivetest.Index("linux/amd64", "linux/arm64"), archivetest.Layers("x", "y"))
	files := b.Files()
	blobs, children := b.Blobs("a", "1"), b.Children("a", "1")
	if len(blobs) != 4 || len(children) != 2 {
		t.Fatalf("%d blobs, %d children", len(blobs), len(children))
	}
	for _, path := range blobs {
		if filepath.Base(path) != archivetest.Hex(files[path]) {
			t.Errorf("%s has digest %s", path, archivetest.Hex(files[path]))
		}
	}
	for _, path := range children {
		if filepath.Base(path) != archivetest.Hex(files[path])+".manifest.json" {
			t.Errorf("%s has digest %s", path, archivetest.Hex(files[path]))
		}
	}
}

// Equal blobs are hard links, and empty directories are there.
func TestDir(t *testing.T) {
	b := archivetest.Empty(t).WithImage("a", "1", archivetest.Layers("x")).WithImage("a", "2", archivetest.Layers("x"))
	dir := b.Dir()
	for _, path := range b.Blobs("a", "1") {
		one, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.Stat(filepath.Join(dir, "images/a/2", filepath.Base(path)))
		if err != nil || !os.SameFile(one, two) {
			t.Errorf("%s is not the same file as in the other image: %v", path, err)
		}
	}
	if info, err := os.Stat(filepath.Join(archivetest.Empty(t).Dir(), "images")); err != nil || !info.IsDir() {
		t.Error(err)
	}
}
