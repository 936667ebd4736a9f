// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// solutionID is the first part of every repository's name.
const solutionID = "bench-1.0.0"

// imageCount images of blobs of mixed size are in a set. Three layers are each
// shared by several images, as those of distributions are.
const (
	imageCount = 10
	baseCount  = 3
)

// manifestType is that of every manifest in a set.
const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

// imageSet is a Solution's tree with images that every contender serves.
type imageSet struct {
	dir    string
	images []string // repositories, each with the tag 1
	blobs  []blob   // each once
	large  blob     // one of 64 MiB, where the set has 1 GiB
}

// blob is a config or layer; its path is that of the distribution API.
type blob struct {
	path, file string
	digest     string // sha256:…
	size       int64
}

func (s *imageSet) blobPaths() (paths []string) {
	for _, b := range s.blobs {
		paths = append(paths, b.path)
	}
	return paths
}

func (s *imageSet) bytes() (sum int64) {
	for _, b := range s.blobs {
		sum += b.size
	}
	return sum
}

func manifestPath(image string) string { return "/v2/" + solutionID + "/" + image + "/manifests/1" }

// makeImages makes a set of about size bytes.
func makeImages(dir string, size int64) (*imageSet, error) {
	s := &imageSet{dir: dir}
	if err := write(filepath.Join(dir, "manifest.yaml"), solutionManifest("1.0.0")); err != nil {
		return nil, err
	}
	unit := size >> 10
	base := make([]layer, baseCount)
	for i := range imageCount {
		image := fmt.Sprint("image-", i)
		if err := s.shareBase(&base[i%baseCount], image, 32*unit); err != nil {
			return nil, err
		}
		if err := s.addImage(image, []int64{64 * unit, 24 * unit, 4 * unit, unit / 8}, base[i%baseCount]); err != nil {
			return nil, err
		}
	}
	s.large = s.blobs[1]
	return s, nil
}

// folder is where an image lies.
func (s *imageSet) folder(image string) string { return filepath.Join(s.dir, "images", image, "1") }

// addImage makes an image of the layers that there are already, and one more
// for each size.
func (s *imageSet) addImage(image string, sizes []int64, layers ...layer) error {
	if err := write(filepath.Join(s.folder(image), "version"), "Directory Transport Version: 1.1\n"); err != nil {
		return err
	}
	layers = slices.Clone(layers)
	for _, size := range sizes {
		l, err := s.addLayer(image, size)
		if err != nil {
			return err
		}
		layers = append(layers, l)
	}
	s.images = append(s.images, image)
	return s.addManifest(image, layers)
}

func solutionManifest(version string) string {
	return "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: Solution\nmetadata:\n  name: bench\nspec:\n  version: " + version + "\n"
}

// layer is a blob, and the digest of what it holds.
type layer struct {
	blob
	diffID string
}

// shareBase makes a layer, or links to it where it is made.
func (s *imageSet) shareBase(base *layer, image string, size int64) (err error) {
	if err := os.MkdirAll(s.folder(image), 0o755); err != nil {
		return err
	}
	if base.file != "" {
		return os.Link(base.file, filepath.Join(s.folder(image), filepath.Base(base.file)))
	}
	*base, err = s.addLayer(image, size)
	return err
}

// addLayer writes a layer with one file of random bytes. It is stored and not
// compressed, which no client sees before it unpacks.
func (s *imageSet) addLayer(image string, size int64) (l layer, err error) {
	file, err := os.Create(filepath.Join(s.folder(image), "new"))
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed, plain := sha256.New(), sha256.New()
	counter := &countingWriter{w: io.MultiWriter(file, packed)}
	zip, err := gzip.NewWriterLevel(counter, gzip.NoCompression)
	if err != nil {
		return l, err
	}
	archive := tar.NewWriter(io.MultiWriter(zip, plain))
	if err := archive.WriteHeader(&tar.Header{Name: "data", Mode: 0o644, Size: size, Format: tar.FormatPAX}); err != nil {
		return l, err
	}
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(len(s.blobs)))
	if _, err := io.CopyN(archive, rand.NewChaCha8(seed), size); err != nil {
		return l, err
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		return l, err
	}
	l.blob, err = s.take(file.Name(), image, hex.EncodeToString(packed.Sum(nil)), counter.n)
	l.diffID = "sha256:" + hex.EncodeToString(plain.Sum(nil))
	return l, err
}

// take gives a blob's file its name.
func (s *imageSet) take(file, image, digits string, size int64) (blob, error) {
	b := blob{
		path: "/v2/" + solutionID + "/" + image + "/blobs/sha256:" + digits,
		file: filepath.Join(s.folder(image), digits), digest: "sha256:" + digits, size: size,
	}
	s.blobs = append(s.blobs, b)
	return b, os.Rename(file, b.file)
}

func (s *imageSet) addManifest(image string, layers []layer) error {
	const docker = "application/vnd.docker."
	var diffIDs []string
	var descriptors []map[string]any
	describe := func(mediaType string, b blob) map[string]any {
		return map[string]any{"mediaType": docker + mediaType, "digest": b.digest, "size": b.size}
	}
	for _, l := range layers {
		diffIDs = append(diffIDs, l.diffID)
		descriptors = append(descriptors, describe("image.rootfs.diff.tar.gzip", l.blob))
	}
	data, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
		"config": map[string]any{"Labels": map[string]string{"image": image}, "Env": []string{"X=" + strings.Repeat("x", 3000)}},
	})
	if err != nil {
		return err
	}
	file := filepath.Join(s.folder(image), "new")
	if err := write(file, string(data)); err != nil {
		return err
	}
	config, err := s.take(file, image, fmt.Sprintf("%x", sha256.Sum256(data)), int64(len(data)))
	if err != nil {
		return err
	}
	data, err = json.MarshalIndent(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": describe("container.image.v1+json", config), "layers": descriptors,
	}, "", "   ")
	if err != nil {
		return err
	}
	return write(filepath.Join(s.folder(image), "manifest.json"), string(data))
}

// copyTo copies every image into a registry.
func (s *imageSet) copyTo(ctx context.Context, address string) error {
	for _, image := range s.images {
		if _, err := runCounted(s.skopeo(ctx, image, address)); err != nil {
			return err
		}
	}
	return nil
}

func (s *imageSet) skopeo(ctx context.Context, image, address string) *exec.Cmd {
	return exec.CommandContext(ctx, "skopeo", "copy", "--quiet", "--dest-tls-verify=false",
		"dir:"+s.folder(image), "docker://"+address+"/"+solutionID+"/"+image+":1")
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
