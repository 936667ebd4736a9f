// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dirVersion is what the file `version` holds in the `dir:` layout
// (containers-transports(5)).
const dirVersion = "Directory Transport Version: 1.1\n"

// manifestFile is one manifest that was written.
type manifestFile struct {
	path      string // as the user named the destination
	digest    v1.Hash
	mediaType types.MediaType
}

// dirWriter writes images into one folder, and remembers their manifests.
// Everything is written as the raw bytes that the digests were taken from.
type dirWriter struct {
	dir     string
	written []manifestFile
}

// writeDir lets fill write into a new folder that becomes dest when all is
// there, so that a failure leaves no half an image. An existing dest that is
// not empty is an error.
func writeDir(dest string, fill func(*dirWriter) error) ([]manifestFile, error) {
	dest = filepath.Clean(dest)
	if err := makeWay(dest); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dest), ".imagebuild-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	d := &dirWriter{dir: tmp}
	if err := fill(d); err != nil {
		return nil, err
	}
	if err := d.file("version", []byte(dirVersion)); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, dest); err != nil {
		return nil, err
	}
	for i := range d.written {
		d.written[i].path = filepath.Join(dest, d.written[i].path)
	}
	return d.written, nil
}

// makeWay makes way for a new folder: an empty one goes, anything else is an error.
func makeWay(dest string) error {
	entries, err := os.ReadDir(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty", dest)
	}
	return os.Remove(dest)
}

// index writes the index as manifest.json, and each image's manifest under its
// digest.
func (d *dirWriter) index(idx v1.ImageIndex) error {
	m, err := idx.IndexManifest()
	if err != nil {
		return err
	}
	if err := d.manifest(idx, "manifest.json"); err != nil {
		return err
	}
	for _, desc := range m.Manifests {
		img, err := idx.Image(desc.Digest)
		if err != nil {
			return fmt.Errorf("image %s: %w", desc.Digest, err)
		}
		if err := d.image(img, desc.Digest.Hex+".manifest.json"); err != nil {
			return fmt.Errorf("image %s: %w", desc.Digest, err)
		}
	}
	return nil
}

// image writes an image's manifest under the given name, and its blobs.
func (d *dirWriter) image(img v1.Image, name string) error {
	if err := d.manifest(img, name); err != nil {
		return err
	}
	hash, err := img.ConfigName()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if err := d.file(hash.Hex, config); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := d.layer(l); err != nil {
			return err
		}
	}
	return nil
}

func (d *dirWriter) manifest(m interface {
	RawManifest() ([]byte, error)
	Digest() (v1.Hash, error)
	MediaType() (types.MediaType, error)
}, name string,
) error {
	raw, err := m.RawManifest()
	if err != nil {
		return err
	}
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	mt, err := m.MediaType()
	if err != nil {
		return err
	}
	d.written = append(d.written, manifestFile{path: name, digest: digest, mediaType: mt})
	return d.file(name, raw)
}

func (d *dirWriter) layer(l v1.Layer) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", digest, err)
	}
	return d.file(digest.Hex, data)
}

func (d *dirWriter) file(name string, data []byte) error {
	return os.WriteFile(filepath.Join(d.dir, name), data, 0o644)
}
