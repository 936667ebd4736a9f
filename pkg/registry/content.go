// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

// content is what an archive has to serve, and where. It never changes, and
// takes the place of the archive's directories, which need twice the memory.
type content struct {
	// repositories are sorted by name, images by their repository's, then tag.
	repositories []repository
	images       []image
	secret       secret // of the keys in blobs and manifests
	blobs        table
	manifests    table
	// sections are the extents of files that have several, see place.
	sections []iso9660.Extents
	// skipped are directories and files that cannot be served, and why.
	skipped []error
}

// repository is what an archive has under one name.
type repository struct {
	name string
	// from and to delimit its images in content.images.
	from, to  uint16
	referrers referrers
}

func (r *repository) has(image uint16) bool { return r.from <= image && image < r.to }

// image is a directory images/<name of its repository>/<tag>.
type image struct {
	tag    string
	digest digest // of its manifest.json
}

// repository finds one by name, nil for none.
func (c *content) repository(name string) *repository {
	byName := func(r repository, name string) int { return strings.Compare(r.name, name) }
	i, found := slices.BinarySearchFunc(c.repositories, name, byName)
	if !found {
		return nil
	}
	return &c.repositories[i]
}

// foundImage is an image, and its number when it was found.
type foundImage struct {
	name string // of its repository
	image
	number uint16
}

// arrange makes repositories and images of those found, and returns the numbers
// that these have now by those before. It sorts found.
func (c *content) arrange(found []foundImage, referrers map[string]referrers) (numbers []uint16) {
	slices.SortFunc(found, func(a, b foundImage) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.tag, b.tag))
	})
	numbers = make([]uint16, len(found))
	for i, f := range found {
		if i == 0 || f.name != found[i-1].name {
			c.repositories = append(c.repositories, repository{name: f.name, from: uint16(i), referrers: referrers[f.name]})
		}
		c.repositories[len(c.repositories)-1].to = uint16(i) + 1
		c.images = append(c.images, f.image)
		numbers[f.number] = uint16(i)
	}
	return numbers
}

// compact copies what is kept, since all of it grew, and names are parts of
// paths: those become parts of one string.
func (c *content) compact() {
	c.repositories, c.images = slices.Clone(c.repositories), slices.Clone(c.images)
	c.blobs, c.manifests = slices.Clone(c.blobs), slices.Clone(c.manifests)
	var text strings.Builder
	for _, r := range c.repositories {
		text.WriteString(r.name)
	}
	for _, i := range c.images {
		text.WriteString(i.tag)
	}
	rest := text.String()
	take := func(s *string) { *s, rest = rest[:len(*s)], rest[len(*s):] }
	for i := range c.repositories {
		take(&c.repositories[i].name)
	}
	for i := range c.images {
		take(&c.images[i].tag)
	}
}
