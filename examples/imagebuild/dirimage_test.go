// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dirImage reads an image back from a folder in the `dir:` layout, for
// go-containerregistry to check. It takes nothing from the code under test.
type dirImage struct {
	dir, manifest string
}

var _ partial.CompressedImageCore = dirImage{}

// openDir returns the image whose manifest is in the named file of dir.
func openDir(t *testing.T, dir, manifest string) v1.Image {
	t.Helper()
	img, err := partial.CompressedToImage(dirImage{dir: dir, manifest: manifest})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (d dirImage) RawManifest() ([]byte, error) {
	return os.ReadFile(filepath.Join(d.dir, d.manifest))
}

func (d dirImage) MediaType() (types.MediaType, error) {
	m, err := partial.Manifest(d)
	if err != nil {
		return "", err
	}
	return m.MediaType, nil
}

func (d dirImage) RawConfigFile() ([]byte, error) {
	m, err := partial.Manifest(d)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(d.dir, m.Config.Digest.Hex))
}

func (d dirImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	m, err := partial.Manifest(d)
	if err != nil {
		return nil, err
	}
	for _, desc := range m.Layers {
		if desc.Digest == h {
			return dirLayer{file: filepath.Join(d.dir, h.Hex), desc: desc}, nil
		}
	}
	return nil, os.ErrNotExist
}

type dirLayer struct {
	file string
	desc v1.Descriptor
}

func (l dirLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l dirLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.file) }
func (l dirLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l dirLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
