// SPDX-License-Identifier: Apache-2.0

// Package image makes the container image of solution-bootstrap, as an archive
// that container runtimes import from a file: before it runs there is no
// registry to pull it from.
package image

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opencontainers/go-digest"

	"github.com/metalk8s/kubectl-solution/pkg/program"
)

// repository is the image's name without a tag. Container runtimes take a name
// without a host for one of docker.io; this host stands for none.
const repository = "localhost/" + program.Name

// maxTag is how long a tag can be (the OCI distribution specification).
const maxTag = 128

// Name returns the name of the image of a version, by which the kubelet finds
// it. What a tag cannot have is replaced.
func Name(version string) string {
	tag := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, version)
	if tag == "" || tag[0] == '.' || tag[0] == '-' {
		tag = "_" + tag
	}
	return repository + ":" + tag[:min(len(tag), maxTag)]
}

// blobs are what an image is made of, each once, in the order in which they
// were added.
type blobs struct {
	order []digest.Digest
	data  map[digest.Digest][]byte
}

func (b *blobs) add(mediaType string, data []byte) v1.Descriptor {
	d := digest.FromBytes(data)
	if _, found := b.data[d]; !found {
		b.order = append(b.order, d)
		b.data[d] = data
	}
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func (b *blobs) addJSON(mediaType string, value any) (v1.Descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return b.add(mediaType, data), nil
}

// addImage adds the image of one architecture.
func (b *blobs) addImage(p Program) (v1.Descriptor, *v1.Manifest, error) {
	data, diffID, err := layer(p)
	if err != nil {
		return v1.Descriptor{}, nil, fmt.Errorf("packing the helper for %s: %w", p.Architecture, err)
	}
	m := &v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Layers:    []v1.Descriptor{b.add(v1.MediaTypeImageLayerGzip, data)},
	}
	created := epoch()
	platform := v1.Platform{OS: "linux", Architecture: p.Architecture}
	if m.Config, err = b.addJSON(v1.MediaTypeImageConfig, v1.Image{
		Created:  &created,
		Platform: platform,
		Config:   v1.ImageConfig{Entrypoint: []string{program.Name}, Env: []string{"PATH=" + searchPath}},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
		History:  []v1.History{{Created: &created, CreatedBy: "kubectl solution bootstrap image"}},
	}); err != nil {
		return v1.Descriptor{}, nil, err
	}
	d, err := b.addJSON(v1.MediaTypeImageManifest, m)
	d.Platform = &platform
	return d, m, err
}
