// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
)

// Listing is what an archive has to serve, for those who serve its tree by
// other means.
type Listing struct {
	// ID is the first part of the repositories' names, and is one.
	ID string
	// Repositories are sorted by name.
	Repositories []ListedRepository
	// Skipped are directories and files that cannot be served, and why.
	Skipped []error
}

// ListedRepository is what an archive has under one name.
type ListedRepository struct {
	// Name comes after Listing.ID and a slash.
	Name string
	// Images are sorted by tag.
	Images []ListedImage
	// Referrers has, by the digest of a subject, the index (JSON) of the
	// manifests that refer to it.
	Referrers map[string][]byte
}

// ListedImage is one directory images/<name>/<tag>.
type ListedImage struct {
	Tag string
	// Path is that of the directory in the archive. Its blobs are files in it
	// that are named by their digest, without "sha256:".
	Path string
	// Manifests begin with that of the tag; those of an index's images follow,
	// sorted by path.
	Manifests []ListedManifest
	// Linked says that the directory, one above it or a file in it is a
	// symbolic link.
	Linked bool
}

// ListedManifest is one manifest or index, which is in the file at Path.
type ListedManifest struct {
	Digest, MediaType, Path string
}

// List tells what an archive has to serve. It is an error where the archive
// could not be imported, or no image reference can name what it holds.
func List(a *archive.Archive) (*Listing, error) {
	held, report := a.Inspect()
	if err := report.Err(archive.StageImport); err != nil {
		return nil, err
	}
	if !isName(held.ID) || strings.Contains(held.ID, "/") {
		return nil, fmt.Errorf("reading %s: its id %s cannot be a part of an image reference", a.Path(), held.ID)
	}
	c, err := scan(a)
	if err != nil {
		return nil, err
	}
	l := &Listing{ID: held.ID, Skipped: c.skipped}
	for _, repo := range c.repositories {
		listed := ListedRepository{Name: repo.name, Referrers: map[string][]byte{}}
		for _, image := range c.images[repo.from:repo.to] {
			image, err := listImage(a, repo.name, image.tag)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", a.Path(), err)
			}
			listed.Images = append(listed.Images, *image)
		}
		for subject, list := range repo.referrers {
			if listed.Referrers[subject.String()], err = json.Marshal(newReferrersIndex(list)); err != nil {
				return nil, err
			}
		}
		l.Repositories = append(l.Repositories, listed)
	}
	return l, nil
}

func listImage(a *archive.Archive, repository, tag string) (*ListedImage, error) {
	dir := imagesPath + "/" + repository + "/" + tag
	listed := &ListedImage{Tag: tag, Path: dir}
	own, err := listManifest(a, dir+"/"+manifestName)
	if err != nil {
		return nil, err
	}
	listed.Manifests = []ListedManifest{*own}
	for parent := dir; parent != "."; parent = path.Dir(parent) {
		info, err := fs.Lstat(a.FS(), parent)
		if err != nil {
			return nil, err
		}
		listed.Linked = listed.Linked || info.Mode()&fs.ModeSymlink != 0
	}
	entries, err := fs.ReadDir(a.FS(), dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		listed.Linked = listed.Linked || entry.Type()&fs.ModeSymlink != 0
		digits, found := strings.CutSuffix(entry.Name(), childSuffix)
		if d, ok := parseHex(digits); found && ok {
			// What is not what its name says, scan has told of.
			if child, err := listManifest(a, dir+"/"+entry.Name()); err == nil && child.Digest == d.String() {
				listed.Manifests = append(listed.Manifests, *child)
			}
		}
	}
	return listed, nil
}

func listManifest(a *archive.Archive, path string) (*ListedManifest, error) {
	data, err := a.ReadFile(path)
	if err != nil {
		return nil, err
	}
	mediaType, err := archive.MediaType(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &ListedManifest{Digest: digest(sha256.Sum256(data)).String(), MediaType: mediaType, Path: path}, nil
}
