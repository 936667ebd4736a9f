// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"io/fs"
	"math"

	"github.com/metalk8s/kubectl-solution/pkg/iso9660"
)

const (
	sectorBytes = 2048
	// inSections is a bit of place.sizeHigh.
	inSections = 1 << 15
)

// place is where the bytes of an image's file lie in the archive's.
type place struct {
	// first is the sector in which they begin, or with inSections the number of
	// their extents in content.sections.
	first    uint32
	sizeLow  uint32
	sizeHigh uint16
	// image is the number of the image whose directory has the file.
	image uint16
}

// placeOf tells where a file of an image lies. Of one that is not in an ISO
// image nothing is known.
func (c *content) placeOf(info fs.FileInfo, image uint16) place {
	extents, _ := info.Sys().(*iso9660.Extents)
	switch {
	case extents == nil || len(*extents) == 0:
		return place{image: image}
	case len(*extents) == 1 && isRun((*extents)[0]):
		e := (*extents)[0]
		return place{uint32(e.Offset / sectorBytes), uint32(e.Length), uint16(e.Length >> 32), image}
	}
	c.sections = append(c.sections, *extents)
	return place{first: uint32(len(c.sections) - 1), sizeHigh: inSections, image: image}
}

// isRun tells whether a place can say by itself where e is.
func isRun(e iso9660.Extent) bool {
	return e.Offset%sectorBytes == 0 && e.Offset/sectorBytes <= math.MaxUint32 && e.Length>>32 < inSections
}

// shares tells whether two files are the same bytes.
func (p place) shares(other place) bool {
	p.image = other.image
	return p == other
}

// extents are the bytes at p.
func (c *content) extents(p place) iso9660.Extents {
	if p.sizeHigh&inSections != 0 {
		return c.sections[p.first]
	}
	return iso9660.Extents{{Offset: int64(p.first) * sectorBytes, Length: int64(p.sizeHigh)<<32 | int64(p.sizeLow)}}
}
