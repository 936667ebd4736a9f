// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
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

// image is a directory images/<name>/<tag>.
type image struct {
	name, tag string
	digest    digest // of its manifest.json
}

func (i *image) dir() string { return imagesPath + "/" + i.name + "/" + i.tag }

// repository is what an archive has under one name.
type repository struct {
	// from and to delimit its images in content.images.
	from, to  uint32
	referrers map[digest][]descriptor
}

func (r *repository) has(image uint32) bool { return r.from <= image && image < r.to }

// content is what an archive has to serve. It never changes.
type content struct {
	// images are sorted by name, then tag.
	images       []image
	repositories map[string]*repository
	blobs        places
	manifests    places
	// skipped are directories and files that cannot be served, and why.
	skipped []error
}

// scan reads an archive's directory tree and its image manifests; no blob is
// read.
func scan(a *archive.Archive) (*content, error) {
	s := &scanner{archive: a, content: &content{repositories: map[string]*repository{}}}
	if err := s.find(imagesPath, 0); err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.Path(), err)
	}
	s.sortImages()
	s.blobs.sort()
	s.manifests.sort()
	s.images, s.blobs, s.manifests = slices.Clip(s.images), slices.Clone(s.blobs), slices.Clone(s.manifests)
	return s.content, nil
}

// sortImages sorts the images, which others name by their number.
func (s *scanner) sortImages() {
	found := s.images
	order := make([]uint32, len(found))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(strings.Compare(found[a].name, found[b].name), strings.Compare(found[a].tag, found[b].tag))
	})
	s.images = make([]image, len(found))
	number := make([]uint32, len(found)) // by the one before
	for i, before := range order {
		s.images[i], number[before] = found[before], uint32(i)
		repo := s.repositories[s.images[i].name]
		if repo.to == 0 {
			repo.from = uint32(i)
		}
		repo.to = uint32(i) + 1
	}
	for _, list := range []places{s.blobs, s.manifests} {
		for i := range list {
			list[i].image = number[list[i].image]
		}
	}
}

type scanner struct {
	*content
	archive     *archive.Archive
	directories int
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
		name := dir + "/" + entry.Name()
		switch mode := s.mode(name, entry); {
		case mode.IsDir():
			if err := s.find(name, depth+1); err != nil {
				return err
			}
		case mode.IsRegular() && entry.Name() == manifestName && depth > 1:
			if err := s.add(dir, entries); err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
		}
	}
	return nil
}

// mode follows links; one that leads nowhere is no file.
func (s *scanner) mode(name string, entry fs.DirEntry) fs.FileMode {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type()
	}
	info, err := fs.Stat(s.archive.FS(), name)
	if err != nil {
		return fs.ModeIrregular
	}
	return info.Mode()
}

// add takes in an image with these files.
func (s *scanner) add(dir string, entries []fs.DirEntry) (err error) {
	name, tag := path.Split(strings.TrimPrefix(dir, imagesPath+"/"))
	name = strings.TrimSuffix(name, "/")
	if !isName(name) || !isTag(tag) {
		s.skipped = append(s.skipped, fmt.Errorf("%s: this cannot be the name and tag of an image", dir))
		return nil
	}
	if len(s.blobs)+len(entries) > maxPlaces {
		return fmt.Errorf("more than %d files in all images", maxPlaces)
	}
	i := uint32(len(s.images))
	s.images = append(s.images, image{name: name, tag: tag})
	repo := s.repositories[name]
	if repo == nil {
		repo = &repository{}
		s.repositories[name] = repo
	}
	for _, entry := range entries {
		name := entry.Name()
		if d, ok := parseHex(strings.TrimSuffix(name, childSuffix)); ok && s.mode(dir+"/"+name, entry).IsRegular() {
			s.digested(i, repo, name, d)
		}
	}
	// Without this one there is no image, and the archive is none to import.
	s.images[i].digest, err = s.manifest(i, repo, manifestName, nil)
	return err
}

// digested takes in a file that is named by a digest.
func (s *scanner) digested(i uint32, repo *repository, name string, d digest) {
	if !strings.HasSuffix(name, childSuffix) {
		s.blobs = append(s.blobs, place{d.key(), i})
		return
	}
	if _, err := s.manifest(i, repo, name, &d); err != nil {
		s.skipped = append(s.skipped, fmt.Errorf("%s/%s: %w", s.images[i].dir(), name, err))
	}
}

// manifest takes in one manifest of an image, and returns its digest, which has
// to be want where that is known.
func (s *scanner) manifest(i uint32, repo *repository, name string, want *digest) (digest, error) {
	data, err := s.archive.ReadFile(s.images[i].dir() + "/" + name)
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
	s.manifests = append(s.manifests, place{d.key(), i})
	repo.refer(d, mediaType, data)
	return d, nil
}
