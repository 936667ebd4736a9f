// SPDX-License-Identifier: Apache-2.0

package archivetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
)

// Media types of the images made here.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	ociConfig      = "application/vnd.oci.image.config.v1+json"
	ociLayer       = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// VersionFile is the content of an image's file version.
const VersionFile = "Directory Transport Version: 1.1\n"

// ImageOption changes an image.
type ImageOption func(*imageSpec)

type imageSpec struct {
	oci       bool
	platforms []string
	layers    []string
	size      int
}

// OCI makes an OCI image; without it, a docker schema 2 image is made.
func OCI() ImageOption { return func(s *imageSpec) { s.oci = true } }

// Index makes an index with one image for each platform, os/architecture.
func Index(platforms ...string) ImageOption {
	return func(s *imageSpec) { s.platforms = platforms }
}

// Layers gives the image one layer for each seed: equal seeds make equal
// layers. Without it, an image has one layer of its own.
func Layers(seeds ...string) ImageOption { return func(s *imageSpec) { s.layers = seeds } }

// LayerSize sets the length of the file in each layer, in bytes; it is 64 by
// default, and does not compress.
func LayerSize(size int) ImageOption { return func(s *imageSpec) { s.size = size } }

// WithImage adds an image images/<name>/<tag> that a container runtime can
// unpack.
func (b *Builder) WithImage(name, tag string, options ...ImageOption) *Builder {
	spec := imageSpec{layers: []string{name + ":" + tag}, size: 64}
	for _, option := range options {
		option(&spec)
	}
	dir := "images/" + name + "/" + tag
	b.files[dir+"/version"] = []byte(VersionFile)
	if spec.platforms == nil {
		b.files[dir+"/manifest.json"] = b.addManifest(dir, spec, "linux/amd64")
		return b
	}
	var children []map[string]any
	for _, platform := range spec.platforms {
		data := b.addManifest(dir, spec, platform)
		b.files[dir+"/"+Hex(data)+".manifest.json"] = data
		os, arch, _ := strings.Cut(platform, "/")
		child := descriptor(pick(spec.oci, ociManifest, dockerManifest), data)
		child["platform"] = map[string]any{"os": os, "architecture": arch}
		children = append(children, child)
	}
	b.files[dir+"/manifest.json"] = marshal(map[string]any{
		"schemaVersion": 2, "mediaType": pick(spec.oci, ociIndex, dockerList), "manifests": children,
	})
	return b
}

// addManifest adds the blobs of an image, and returns its manifest.
func (b *Builder) addManifest(dir string, spec imageSpec, platform string) []byte {
	os, arch, _ := strings.Cut(platform, "/")
	var layers []map[string]any
	var diffIDs []string
	for _, seed := range spec.layers {
		blob, diffID := layer(seed, spec.size)
		b.files[dir+"/"+Hex(blob)] = blob
		layers = append(layers, descriptor(pick(spec.oci, ociLayer, dockerLayer), blob))
		diffIDs = append(diffIDs, diffID)
	}
	config := marshal(map[string]any{
		"architecture": arch, "os": os, "config": map[string]any{"Labels": map[string]string{"image": path.Base(path.Dir(dir))}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	b.files[dir+"/"+Hex(config)] = config
	return marshal(map[string]any{
		"schemaVersion": 2, "mediaType": pick(spec.oci, ociManifest, dockerManifest),
		"config": descriptor(pick(spec.oci, ociConfig, dockerConfig), config), "layers": layers,
	})
}

// Blobs returns the paths of an image's configs and layers, sorted.
func (b *Builder) Blobs(name, tag string) []string { return b.hexFiles(name, tag, "") }

// Children returns the paths of an index's child manifests, sorted.
func (b *Builder) Children(name, tag string) []string {
	return b.hexFiles(name, tag, ".manifest.json")
}

// layer makes a layer with one file in it, whose bytes follow from seed.
func layer(seed string, size int) (blob []byte, diffID string) {
	random := rand.NewChaCha8(sha256.Sum256([]byte(seed)))
	content := make([]byte, size)
	_, _ = random.Read(content) // never fails
	var plain, packed bytes.Buffer
	archive := tar.NewWriter(&plain)
	must(archive.WriteHeader(&tar.Header{Name: "data", Mode: 0o644, Size: int64(size), Format: tar.FormatUSTAR}))
	_, err := archive.Write(content)
	must(err)
	must(archive.Close())
	zip := gzip.NewWriter(&packed)
	_, err = zip.Write(plain.Bytes())
	must(err)
	must(zip.Close())
	return packed.Bytes(), "sha256:" + Hex(plain.Bytes())
}

// Hex returns the sha256 digest of data as hex digits: a blob's file name.
func Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func descriptor(mediaType string, data []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "size": len(data), "digest": "sha256:" + Hex(data)}
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	must(err)
	return data
}

func pick(oci bool, ociType, dockerType string) string {
	if oci {
		return ociType
	}
	return dockerType
}

// must is for what cannot fail: writes to memory.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("archivetest: %v", err))
	}
}
