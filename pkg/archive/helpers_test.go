// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// testManifest is an image manifest, for tests to look into.
type testManifest struct {
	Config    struct{ Digest string }
	Layers    []struct{ Digest string }
	Manifests []struct{ Digest string }
}

func manifestOf(b *archivetest.Builder, file string) (m testManifest) {
	if err := json.Unmarshal(b.Files()[file], &m); err != nil {
		panic(err)
	}
	return m
}

func blobPath(name, tag, digest string) string {
	return "images/" + name + "/" + tag + "/" + strings.TrimPrefix(digest, "sha256:")
}

// layerOf returns the path of an image's first layer.
func layerOf(b *archivetest.Builder, name, tag string) string {
	return blobPath(name, tag, manifestOf(b, "images/"+name+"/"+tag+"/manifest.json").Layers[0].Digest)
}

func configOf(b *archivetest.Builder, name, tag string) string {
	return blobPath(name, tag, manifestOf(b, "images/"+name+"/"+tag+"/manifest.json").Config.Digest)
}

// replace changes a text throughout a file, where it must be.
func replace(b *archivetest.Builder, file, old, new string) {
	data := b.Files()[file]
	if !bytes.Contains(data, []byte(old)) {
		panic(old + " is not in " + file)
	}
	b.WithFile(file, strings.ReplaceAll(string(data), old, new))
}

// nestedIndexes adds an index in an index, and so on, once too often.
func nestedIndexes(b *archivetest.Builder) {
	const dir = "images/x/1/"
	b.WithFile(dir+"version", archivetest.VersionFile)
	inner := []byte(`{"manifests":[]}`)
	for range 4 {
		b.WithFile(dir+archivetest.Hex(inner)+".manifest.json", string(inner))
		inner = fmt.Appendf(nil, `{"manifests":[{"digest":"sha256:%s","size":%d}]}`, archivetest.Hex(inner), len(inner))
	}
	b.WithFile(path.Join(dir, "manifest.json"), string(inner))
}
