// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// imageCases are about directories and manifests.
func imageCases() []ruleCase {
	const operator = "images/example-solution-operator/1.0.0"
	const bad = "error(import) image-media-type images/x/1/manifest.json: "
	manifest := func(text string) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) {
			b.WithFile("images/x/1/manifest.json", text).WithFile("images/x/1/version", archivetest.VersionFile)
		}
	}
	return []ruleCase{
		{"no images", func(b *archivetest.Builder) { b.Without("images/") }, `error(import) images-missing images: the archive has no such directory`},
		{
			"images is a file", func(b *archivetest.Builder) { b.Without("images/").WithFile("images", "") },
			`error(import) images-missing images: the archive has no such directory`,
		},
		{
			"no manifest.json", func(b *archivetest.Builder) { b.WithFile("images/x/1/", "") },
			`error(import) image-manifest images/x/1: holds no manifest.json`,
		},
		{"no tag", func(b *archivetest.Builder) { b.WithFile("images/x/", "") }, `error(import) image-manifest images/x: holds no manifest.json`},
		{
			"manifest too high", func(b *archivetest.Builder) { b.WithFile("images/x/manifest.json", "{}") },
			`error(import) image-name images/x: image ":x" has no name or no tag`,
		},
		{"bad name", func(b *archivetest.Builder) { b.WithImage("-x", "1") }, `error(import) image-name images/-x/1: "-x" is no image name`},
		{"bad tag", func(b *archivetest.Builder) { b.WithImage("x", "1+2") }, `error(import) image-name images/x/1+2: "1+2" is no image tag`},
		{
			"upper case", func(b *archivetest.Builder) { b.WithImage("Example", "1") },
			`warning image-name images/Example/1: the name has upper-case letters, so nodes cannot pull the image`,
		},
		{"several components", func(b *archivetest.Builder) { b.WithImage("a/b/c", "1").WithImage("a/b", "c2") }, ``},
		{
			"no version", func(b *archivetest.Builder) { b.Without(operator + "/version") },
			`warning image-version ` + operator + `: holds no file version, so tools that read the dir: layout refuse it`,
		},
		{"other version", func(b *archivetest.Builder) {
			b.WithFile(operator+"/version", "Directory Transport Version: 2.0\n")
		}, `warning image-version ` + operator + `/version: is "Directory Transport Version: 2.0\n", and should be "Directory Transport Version: 1.1\n"`},
		{"not JSON", manifest("{"), `error(import) image-json images/x/1/manifest.json: not a JSON manifest: unexpected end of JSON input`},
		{
			"JSON of another type", manifest(`{"layers": {}}`),
			`error(import) image-json images/x/1/manifest.json: not a JSON manifest: json: cannot unmarshal object into Go struct field manifestFile.layers of type []archive.descriptor`,
		},
		{
			"too many layers", manifest(`{"config":{},"layers":[{}` + strings.Repeat(`,{}`, 10000) + `]}`),
			`error(import) image-json images/x/1/manifest.json: the image leads to more than 10000 manifests and layers`,
		},
		{
			"schema 1", manifest(`{"schemaVersion": 1, "fsLayers": []}`),
			bad + "a docker schema 1 manifest, which container runtimes no longer pull; copy the image again with `skopeo copy --format v2s2`",
		},
		{
			"unknown type", manifest(`{"mediaType": "text/plain"}`),
			bad + `mediaType is "text/plain", and should be that of a docker schema 2 or OCI manifest or index`,
		},
		{"no type", manifest(`{}`), bad + `it has no mediaType, and is neither an image manifest (config and layers) nor an index (manifests)`},
		{
			"no config", manifest(`{"mediaType": "application/vnd.oci.image.manifest.v1+json"}`),
			bad + `an image manifest (application/vnd.oci.image.manifest.v1+json) without config`,
		},
		{
			"empty index", manifest(`{"manifests": []}`),
			`warning image-child images/x/1/manifest.json: the index leads to no manifest, so there is nothing to pull`,
		},
		{"unreferenced", func(b *archivetest.Builder) {
			b.WithFile(operator+"/c", "cc").WithFile(operator+"/a", "a").WithFile(operator+"/b", "b").WithFile(operator+"/d", "").
				WithFile(operator+"/signature-1", "s")
		}, `warning unreferenced ` + operator + `: holds files that no image leads to, 4 of 4 bytes: a, b, c, …`},
		{
			"file among the images", func(b *archivetest.Builder) { b.WithFile("images/list.txt", "l") },
			`warning unreferenced images: holds files that no image leads to, 1 of 1 bytes: list.txt`,
		},
	}
}

// descriptorCases are about what manifests lead to.
func descriptorCases() []ruleCase {
	index := func(drop int) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) {
			b.WithImage("x", "1", archivetest.Index("linux/amd64", "linux/arm64"))
			for _, child := range b.Children("x", "1")[:drop] {
				b.Without(blobPath("x", "1", manifestOf(b, child).Config.Digest)).Without(child)
			}
		}
	}
	return []ruleCase{
		{"index", index(0), ``},
		{"sparse index", index(1), `warning image-child images/x/1/manifest.json: the manifest for linux/amd64 is not in the archive (sha256:<hex>)`},
		{"index without children", index(2), `error(import) image-child images/x/1/manifest.json: the archive holds none of the manifests that the index leads to`},
		{
			"missing blob", func(b *archivetest.Builder) { b.WithImage("x", "1", archivetest.OCI()).Without(layerOf(b, "x", "1")) },
			`error(import) blob-missing images/x/1/<hex>: the archive does not hold this layer of images/x/1/manifest.json`,
		},
		{
			"missing config", func(b *archivetest.Builder) { b.WithImage("x", "1").Without(configOf(b, "x", "1")) },
			`error(import) blob-missing images/x/1/<hex>: the archive does not hold this config of images/x/1/manifest.json`,
		},
		{"blob is a directory", func(b *archivetest.Builder) {
			layer := layerOf(b.WithImage("x", "1"), "x", "1")
			b.Without(layer).WithFile(layer+"x/", "")
		}, "error(import) blob-missing images/x/1/<hex>: the archive does not hold this layer of images/x/1/manifest.json\n" +
			`error(import) image-manifest images/x/1/<hex>x: holds no manifest.json`},
		{"foreign layer", func(b *archivetest.Builder) {
			layer := layerOf(b.WithImage("x", "1"), "x", "1")
			replace(b, "images/x/1/manifest.json", `"size"`, `"urls":["https://example.com/l"],"size"`)
			b.Without(layer)
		}, `warning blob-foreign images/x/1/<hex>: the archive does not hold this layer, which nodes would have to fetch from https://example.com/l`},
		{"wrong size", func(b *archivetest.Builder) {
			layer := layerOf(b.WithImage("x", "1"), "x", "1")
			b.WithFile(layer, "short")
		}, `error(import) blob-size images/x/1/<hex>: N bytes long, and its image says N`},
		{"wrong size, twice", func(b *archivetest.Builder) {
			layer := layerOf(b.WithImage("x", "1", archivetest.Layers("a", "a")), "x", "1")
			b.WithFile(layer, "short")
		}, `error(import) blob-size images/x/1/<hex>: N bytes long, and its image says N`},
		{"wrong child size", func(b *archivetest.Builder) {
			index(0)(b)
			child := b.Children("x", "1")[0]
			b.WithFile(child, string(b.Files()[child])+"\n")
		}, `error(import) blob-size images/x/1/<hex>.manifest.json: N bytes long, and its image says N`},
		{"sha512", func(b *archivetest.Builder) {
			replace(b.WithImage("x", "1"), "images/x/1/manifest.json", `"sha256:`, `"sha512:`)
		}, "error(import) descriptor-digest images/x/1/manifest.json: the digest of a config is \"sha512:<hex>\", and must be sha256: and 64 hex digits in lower case\n" +
			"error(import) descriptor-digest images/x/1/manifest.json: the digest of a layer is \"sha512:<hex>\", and must be sha256: and 64 hex digits in lower case"},
		{"no digest", func(b *archivetest.Builder) {
			b.WithFile("images/x/1/manifest.json", `{"manifests":[{"size":1}]}`).WithFile("images/x/1/version", archivetest.VersionFile)
		}, `error(import) descriptor-digest images/x/1/manifest.json: the digest of a manifest is "", and must be sha256: and 64 hex digits in lower case`},
		{"wrong digest", func(b *archivetest.Builder) {
			layer := layerOf(b.WithImage("x", "1"), "x", "1")
			data := bytes.Clone(b.Files()[layer])
			data[len(data)-1]++
			b.WithFile(layer, string(data))
		}, `error(import) blob-digest images/x/1/<hex>: damaged: the bytes have digest sha256:<hex>, and should have sha256:<hex>`},
		{"wrong child digest", func(b *archivetest.Builder) {
			index(0)(b)
			child := b.Children("x", "1")[1]
			replace(b, child, `"schemaVersion":2`, `"schemaVersion":3`)
		}, `error(import) blob-digest images/x/1/<hex>.manifest.json: damaged: the bytes have digest sha256:<hex>, and should have sha256:<hex>`},
		{"named by another digest", func(b *archivetest.Builder) {
			b.WithImage("x", "1").WithFile("images/x/1/"+strings.Repeat("0a", 32), "other")
		}, "warning unreferenced images/x/1: holds files that no image leads to, 1 of 5 bytes: <hex>\n" +
			`error(import) blob-digest images/x/1/<hex>: damaged: the bytes have digest sha256:<hex>, and should have sha256:<hex>`},
		{"indexes in indexes", nestedIndexes, `error(import) image-json images/x/1/<hex>.manifest.json: indexes in indexes, more than 4 deep`},
	}
}

// listCases are about what the manifest lists.
func listCases() []ruleCase {
	list := func(images ...any) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) { b.WithImage("x", "1").With(images, "spec", "images") }
	}
	return []ruleCase{
		{"listed", list("x:1"), ``},
		{"listed in vain", list("x:1", "y:2", "y:2"), `error image-listed manifest.yaml: spec.images lists y:2, and the archive does not hold it`},
		{"unlisted", list("example-solution-ui:1.0.0"), `warning image-unlisted images/x/1: the archive holds this image, and spec.images in manifest.yaml does not list it`},
		{
			"operator", func(b *archivetest.Builder) { b.With("0", "spec", "operator", "image", "tag") },
			`error operator-image manifest.yaml: spec.operator.image is example-solution-operator:0, and the archive does not hold it`,
		},
		{
			"UI", func(b *archivetest.Builder) { b.With("u", "spec", "ui", "image", "name") },
			`error ui-image manifest.yaml: spec.ui.image is u:1.0.0, and the archive does not hold it`,
		},
	}
}
