// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// Bounds of one image.
const (
	maxDescriptors = 10000
	maxIndexDepth  = 4
)

var sha256Pattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// imageScan follows one image from its manifest.json to its blobs.
type imageScan struct {
	*inspector
	dir   string
	files map[string]fs.FileInfo
	// used are the files that the manifest leads to.
	used        map[string]bool
	size        int64
	descriptors int
	// opaque is set where not everything could be followed, so that files not
	// used are nothing to warn of.
	opaque bool
}

// image reads manifest.json; it reports false where it cannot.
func (s *imageScan) image(name v1alpha1.ImageName) (v1alpha1.Image, bool) {
	file := s.dir + "/" + imageManifest
	data, err := s.read(file)
	if !s.readable(file, err) {
		return v1alpha1.Image{}, false
	}
	sum := sha256.Sum256(data)
	s.size = int64(len(data))
	mediaType := s.manifest(file, data, 0)
	return v1alpha1.Image{
		ImageName: name, Digest: "sha256:" + hex.EncodeToString(sum[:]), MediaType: mediaType, Size: s.size,
	}, true
}

// manifest follows a manifest or index, and returns its media type, "" where
// there is something wrong with it.
func (s *imageScan) manifest(file string, data []byte, depth int) string {
	var m manifestFile
	if err := json.Unmarshal(data, &m); err != nil {
		s.fail(RuleImageJSON, file, "not a JSON manifest: %v", err)
		return ""
	}
	mediaType, err := m.mediaType()
	if err != nil {
		s.fail(RuleImageType, file, "%v", err)
		return ""
	}
	if s.descriptors += len(m.Layers) + len(m.Manifests); s.descriptors > maxDescriptors {
		s.fail(RuleImageJSON, file, "the image leads to more than %d manifests and layers", maxDescriptors)
		return mediaType
	}
	if isIndex(mediaType) {
		s.index(file, m.Manifests, depth)
		return mediaType
	}
	s.blob(file, "config", *m.Config)
	for _, layer := range m.Layers {
		s.blob(file, "layer", layer)
	}
	return mediaType
}

// index follows the children of an index, those that the archive holds: an
// image for many platforms may be packed for some of them.
func (s *imageScan) index(file string, children []descriptor, depth int) {
	if depth >= maxIndexDepth {
		s.fail(RuleImageJSON, file, "indexes in indexes, more than %d deep", maxIndexDepth)
		return
	}
	var missing []string
	for _, d := range children {
		name, ok := s.name(file, "manifest", d)
		if !ok {
			continue
		}
		name += childSuffix
		if !s.regular(name) {
			missing = append(missing, fmt.Sprintf("the manifest for %s is not in the archive (%s)", d.Platform, d.Digest))
			continue
		}
		s.child(name, d, depth)
	}
	switch {
	case len(children) == 0:
		s.warnf(RuleImageChild, file, "the index leads to no manifest, so there is nothing to pull")
	case len(missing) == len(children):
		s.fail(RuleImageChild, file, "the archive holds none of the manifests that the index leads to")
	default:
		for _, message := range missing {
			s.warnf(RuleImageChild, file, "%s", message)
		}
	}
}

// child follows one child of an index, once.
func (s *imageScan) child(name string, d descriptor, depth int) {
	if !s.vouch(name, d) {
		return
	}
	file := s.dir + "/" + name
	data, err := s.read(file)
	if !s.readable(file, err) {
		s.opaque = true
		return
	}
	s.manifest(file, data, depth+1)
}

// blob checks one config or layer.
func (s *imageScan) blob(file, what string, d descriptor) {
	name, ok := s.name(file, what, d)
	if !ok {
		return
	}
	if s.regular(name) {
		s.vouch(name, d)
		return
	}
	if s.used[name] {
		return
	}
	s.used[name] = true
	if len(d.URLs) > 0 {
		s.warnf(RuleBlobForeign, s.dir+"/"+name, "the archive does not hold this layer, which nodes would have to fetch from %.100s", d.URLs[0])
		return
	}
	s.errorf(StageImport, RuleBlobMissing, s.dir+"/"+name, "the archive does not hold this %s of %s", what, file)
}

// name returns the hex digits of a descriptor's digest.
func (s *imageScan) name(file, what string, d descriptor) (string, bool) {
	if sha256Pattern.MatchString(d.Digest) {
		return strings.TrimPrefix(d.Digest, "sha256:"), true
	}
	s.fail(RuleDescriptorDigest, file, "the digest of a %s is %.100q, and must be sha256: and 64 hex digits in lower case", what, d.Digest)
	return "", false
}

// regular says that the image's directory has a regular file of that name.
func (s *imageScan) regular(name string) bool {
	info, found := s.files[name]
	return found && info.Mode().IsRegular()
}

// vouch checks the size of an existing file, and has Verify check its digest;
// it reports false where that was done before.
func (s *imageScan) vouch(name string, d descriptor) bool {
	info := s.files[name]
	file := s.dir + "/" + name
	if info.Size() != d.Size {
		s.errorf(StageImport, RuleBlobSize, file, "%d bytes long, and its image says %d", info.Size(), d.Size)
	}
	if s.used[name] {
		return false
	}
	s.used[name] = true
	s.size += info.Size()
	if info.Size() == d.Size {
		s.verify(file, info)
	}
	return true
}

// vouchNamed has Verify check the files, too, that no manifest leads to and that
// have a digest for a name: a registry serves them by it.
func (s *imageScan) vouchNamed() {
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		info := s.files[name]
		if !s.used[name] && info.Mode().IsRegular() && sha256Pattern.MatchString("sha256:"+name) {
			s.verify(s.dir+"/"+name, info)
		}
	}
}

// verify has Verify check the digest that a file's name says.
func (s *imageScan) verify(file string, info fs.FileInfo) {
	if !s.forDigests {
		return
	}
	// The digest as a part of the path costs nothing.
	v := vouchedFile{path: file, hex: strings.TrimSuffix(file[len(s.dir)+1:], childSuffix), size: info.Size()}
	if extents, ok := info.Sys().(*iso9660.Extents); ok {
		v.extents = *extents
	}
	s.vouched = append(s.vouched, v)
}

// fail reports what keeps the image from being followed to its end.
func (s *imageScan) fail(rule, file, format string, args ...any) {
	s.opaque = true
	s.errorf(StageImport, rule, file, format, args...)
}
