// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
)

// What is where in an archive: the dir: layout of containers/image.
const (
	imagesPath   = "images"
	manifestName = "manifest.json"
	childSuffix  = ".manifest.json"
)

// Bounds of an archive. Links can make a short tree endless; those of
// directories are the same as for a check of the archive.
const (
	maxDirectories = 20000
	maxDepth       = 16
	maxPlaces      = 1 << 20
)

// Images have numbers of 16 bits, and each has a directory.
const _ uint16 = maxDirectories

// scanner gathers what an archive has.
type scanner struct {
	*content
	archive     *archive.Archive
	directories int
	found       []foundImage
	referrers   map[string]referrers // by repository
}

// scan reads an archive's directory tree and its image manifests; no blob is
// read.
func scan(a *archive.Archive) (*content, error) {
	s := &scanner{content: &content{secret: newSecret()}, archive: a, referrers: map[string]referrers{}}
	if err := s.find(imagesPath, 0); err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.Path(), err)
	}
	numbers := s.arrange(s.found, s.referrers)
	for _, files := range []table{s.blobs, s.manifests} {
		for i := range files {
			files[i].image = numbers[files[i].image]
		}
	}
	s.blobs.sort()
	s.blobs = s.blobs.distinct()
	s.manifests.sort()
	s.compact()
	return s.content, nil
}

// find looks for images in a directory and below.
func (s *scanner) find(dir string, depth int) error {
	if s.directories++; s.directories > maxDirectories || depth > maxDepth {
		return errors.New("more directories than are sensible")
	}
	entries, err := fs.ReadDir(s.archive.FS(), dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := s.info(dir, entry)
		switch {
		case err != nil: // a link that leads nowhere is no file
		case info.IsDir():
			if err := s.find(dir+"/"+entry.Name(), depth+1); err != nil {
				return err
			}
		case info.Mode().IsRegular() && entry.Name() == manifestName && depth > 1:
			if err := s.add(dir, info, entries); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// info follows links.
func (s *scanner) info(dir string, entry fs.DirEntry) (fs.FileInfo, error) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Info()
	}
	return fs.Stat(s.archive.FS(), dir+"/"+entry.Name())
}

// add takes in an image with these files.
func (s *scanner) add(dir string, manifest fs.FileInfo, entries []fs.DirEntry) (err error) {
	name, tag := path.Split(strings.TrimPrefix(dir, imagesPath+"/"))
	name = strings.TrimSuffix(name, "/")
	if !isName(name) || !isTag(tag) {
		s.skipped = append(s.skipped, fmt.Errorf("%s: this cannot be the name and tag of an image", dir))
		return nil
	}
	if len(s.blobs)+len(entries) > maxPlaces {
		return fmt.Errorf("more than %d files in all images", maxPlaces)
	}
	i := uint16(len(s.found))
	s.found = append(s.found, foundImage{name: name, image: image{tag: tag}, number: i})
	for _, entry := range entries {
		d, ok := parseHex(strings.TrimSuffix(entry.Name(), childSuffix))
		if !ok {
			continue
		}
		if info, err := s.info(dir, entry); err == nil && info.Mode().IsRegular() {
			s.digested(i, dir+"/"+entry.Name(), info, d)
		}
	}
	// Without this one there is no image, and the archive is none to import.
	s.found[i].digest, err = s.manifest(i, dir+"/"+manifestName, manifest, nil)
	return err
}

// digested takes in a file that is named by a digest.
func (s *scanner) digested(i uint16, path string, info fs.FileInfo, d digest) {
	if !strings.HasSuffix(path, childSuffix) {
		s.blobs = append(s.blobs, stored{s.secret.key(d), s.placeOf(info, i)})
		return
	}
	if _, err := s.manifest(i, path, info, &d); err != nil {
		s.skipped = append(s.skipped, fmt.Errorf("%s: %w", path, err))
	}
}

// manifest takes in one manifest of an image, and returns its digest, which has
// to be want where that is known.
func (s *scanner) manifest(i uint16, path string, info fs.FileInfo, want *digest) (digest, error) {
	data, err := s.archive.ReadFile(path)
	if err != nil {
		return digest{}, err
	}
	mediaType, err := archive.MediaType(data)
	if err != nil {
		return digest{}, err
	}
	d := digest(sha256.Sum256(data))
	if want != nil && d != *want {
		return digest{}, fmt.Errorf("its digest is %s", d)
	}
	s.manifests = append(s.manifests, stored{s.secret.key(d), s.placeOf(info, i)})
	s.refer(s.found[i].name, d, mediaType, data)
	return d, nil
}

// refer notes a manifest that refers to another.
func (s *scanner) refer(repository string, d digest, mediaType string, data []byte) {
	subject, entry, ok := referrer(d, mediaType, data)
	if !ok {
		return
	}
	if s.referrers[repository] == nil {
		s.referrers[repository] = referrers{}
	}
	s.referrers[repository].add(subject, entry)
}
