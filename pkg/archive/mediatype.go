// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Media types of manifests: OCI image specification v1.1 ("OCI Image Media
// Types") and docker's "Image Manifest Version 2, Schema 2".
const (
	typeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeDockerSchema1  = "application/vnd.docker.distribution.manifest.v1+json"
	typeDockerSigned   = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// manifestFile is a manifest or an index, as far as it is needed here.
type manifestFile struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *descriptor  `json:"config"`
	Layers        []descriptor `json:"layers"`
	Manifests     []descriptor `json:"manifests"`
}

type descriptor struct {
	Digest   string   `json:"digest"`
	Size     int64    `json:"size"`
	URLs     []string `json:"urls"`
	Platform platform `json:"platform"`
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

// String returns os/architecture[/variant].
func (p platform) String() string {
	text := strings.Trim(strings.Join([]string{p.OS, p.Architecture, p.Variant}, "/"), "/")
	return cmp.Or(text, "an unnamed platform")
}

// MediaType returns the media type of a manifest or index: what it says, or what
// it holds where it says nothing. Docker schema 2 and OCI are known; anything
// else, docker schema 1 included, is an error.
func MediaType(manifest []byte) (string, error) {
	var m manifestFile
	if err := json.Unmarshal(manifest, &m); err != nil {
		return "", fmt.Errorf("not a JSON manifest: %w", err)
	}
	return m.mediaType()
}

// mediaType tells what m is: what it says, or what it holds.
func (m manifestFile) mediaType() (string, error) {
	t := m.MediaType
	switch {
	case t == typeDockerSchema1 || t == typeDockerSigned || t == "" && m.SchemaVersion == 1:
		return "", errors.New("a docker schema 1 manifest, which container runtimes no longer pull; copy the image again with `skopeo copy --format v2s2`")
	case t == "" && m.Manifests != nil:
		t = typeOCIIndex
	case t == "" && m.Config != nil && m.Layers != nil:
		t = typeOCIManifest
	case t == "":
		return "", errors.New("it has no mediaType, and is neither an image manifest (config and layers) nor an index (manifests)")
	}
	switch t {
	case typeOCIIndex, typeDockerList:
		return t, nil
	case typeOCIManifest, typeDockerManifest:
		if m.Config == nil {
			return "", fmt.Errorf("an image manifest (%s) without config", t)
		}
		return t, nil
	}
	return "", fmt.Errorf("mediaType is %.100q, and should be that of a docker schema 2 or OCI manifest or index", t)
}

func isIndex(mediaType string) bool { return mediaType == typeOCIIndex || mediaType == typeDockerList }
