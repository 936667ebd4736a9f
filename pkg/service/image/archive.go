// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// containerdName is the annotation by which containerd and podman name an image
// that they import.
const containerdName = "io.containerd.image.name"

// dockerManifest is how `docker load` finds an image.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write writes the image with this name as a tar: an OCI image layout and, where
// it is for one architecture, what `docker load` looks for as well. Programs
// for several architectures make an index. The same programs make the same
// bytes.
func Write(w io.Writer, name string, programs []Program) error {
	programs = slices.Clone(programs)
	slices.SortFunc(programs, func(a, b Program) int { return strings.Compare(a.Architecture, b.Architecture) })
	if len(programs) == 0 {
		return errors.New("an image needs a program")
	}
	for i, p := range programs[1:] {
		if p.Architecture == programs[i].Architecture {
			return fmt.Errorf("two helpers are for %s", p.Architecture)
		}
	}
	b := &blobs{data: map[digest.Digest][]byte{}}
	top, docker, err := b.addAll(programs)
	if err != nil {
		return err
	}
	_, tag, _ := strings.Cut(name, ":")
	top.Annotations = map[string]string{containerdName: name, v1.AnnotationRefName: tag}
	if docker != nil {
		docker.RepoTags = []string{name}
	}
	return writeLayout(w, b, top, docker)
}

// addAll adds the images, and the index where there are several.
func (b *blobs) addAll(programs []Program) (v1.Descriptor, *dockerManifest, error) {
	var list []v1.Descriptor
	for _, p := range programs {
		d, m, err := b.addImage(p)
		if err != nil {
			return d, nil, err
		}
		if len(programs) == 1 {
			return d, &dockerManifest{Config: blobPath(m.Config.Digest), Layers: []string{blobPath(m.Layers[0].Digest)}}, nil
		}
		list = append(list, d)
	}
	d, err := b.addJSON(v1.MediaTypeImageIndex, index(list...))
	return d, nil, err
}

func index(list ...v1.Descriptor) v1.Index {
	return v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: list}
}

// blobPath is where the layout has a blob.
func blobPath(d digest.Digest) string {
	return v1.ImageBlobsDir + "/" + d.Algorithm().String() + "/" + d.Encoded()
}

func writeLayout(w io.Writer, b *blobs, top v1.Descriptor, docker *dockerManifest) error {
	tw := tar.NewWriter(w)
	if err := writeJSON(tw, v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}); err != nil {
		return err
	}
	if err := writeJSON(tw, v1.ImageIndexFile, index(top)); err != nil {
		return err
	}
	if docker != nil {
		if err := writeJSON(tw, "manifest.json", []*dockerManifest{docker}); err != nil {
			return err
		}
	}
	for _, d := range b.order {
		if err := writeEntry(tw, blobPath(d), 0o644, b.data[d]); err != nil {
			return err
		}
	}
	return tw.Close()
}

func writeJSON(tw *tar.Writer, name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeEntry(tw, name, 0o644, data)
}
