// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	formatDocker = "docker"
	formatOCI    = "oci"
)

// searchPath is the image's PATH: a Solution's Operator is started by its bare
// name, so the runtime must find it, and a scratch image has no PATH of its own.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// spec says what the image holds, and for whom.
type spec struct {
	entrypoint string
	user       string
	format     string
	platforms  []v1.Platform
	files      []file
}

// file is one file of the image: its absolute path there, and where it comes
// from. The source may hold {arch}.
type file struct {
	name, source string
}

func (f file) sourceFor(p v1.Platform) string {
	return strings.ReplaceAll(f.source, "{arch}", p.Architecture)
}

func (s spec) validate() error {
	if s.entrypoint == "" {
		return errors.New("--entrypoint is missing")
	}
	if s.format != formatDocker && s.format != formatOCI {
		return fmt.Errorf("--format %q: want docker or oci", s.format)
	}
	if len(s.files) == 0 {
		return errors.New("no files: want FILE=PATH arguments")
	}
	for i, p := range s.platforms {
		if slices.ContainsFunc(s.platforms[:i], p.Equals) {
			return fmt.Errorf("--platform %s is given twice", p)
		}
	}
	for _, f := range s.files {
		if len(s.platforms) > 1 && !strings.Contains(f.source, "{arch}") {
			return fmt.Errorf("file %s: with several platforms its path %q must hold {arch}", f.name, f.source)
		}
	}
	return nil
}

// epoch is the time of everything in an image: a real one would change the
// digests at every build.
func epoch() v1.Time { return v1.Time{Time: time.Unix(0, 0).UTC()} }

// buildIndex makes one image per platform and an index of them.
func buildIndex(s spec) (v1.ImageIndex, error) {
	idx := v1.ImageIndex(empty.Index)
	if s.format == formatDocker {
		idx = mutate.IndexMediaType(idx, types.DockerManifestList)
	}
	for _, p := range s.platforms {
		img, err := buildImage(s, p)
		if err != nil {
			return nil, fmt.Errorf("platform %s: %w", p, err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return idx, nil
}

// buildImage makes the image of one platform: a small base layer, which is the
// same in every image, and a layer with the files.
func buildImage(s spec, p v1.Platform) (v1.Image, error) {
	layerType := types.DockerLayer
	img := empty.Image
	if s.format == formatOCI {
		layerType = types.OCILayer
		img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	base, err := newLayer(baseEntries(), layerType)
	if err != nil {
		return nil, fmt.Errorf("base layer: %w", err)
	}
	entries, err := fileEntries(s.files, p)
	if err != nil {
		return nil, err
	}
	files, err := newLayer(entries, layerType)
	if err != nil {
		return nil, fmt.Errorf("layer of files: %w", err)
	}
	img, err = mutate.Append(img,
		mutate.Addendum{Layer: base, History: v1.History{Created: epoch(), CreatedBy: "imagebuild base"}},
		mutate.Addendum{Layer: files, History: v1.History{Created: epoch(), CreatedBy: "imagebuild files"}})
	if err != nil {
		return nil, fmt.Errorf("appending layers: %w", err)
	}
	return configure(img, s, p)
}

func configure(img v1.Image, s spec, p v1.Platform) (v1.Image, error) {
	old, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	c := old.DeepCopy()
	c.OS, c.Architecture, c.Variant, c.Created = p.OS, p.Architecture, p.Variant, epoch()
	c.Config = v1.Config{Entrypoint: []string{s.entrypoint}, Env: []string{"PATH=" + searchPath}, User: s.user}
	return mutate.ConfigFile(img, c)
}
