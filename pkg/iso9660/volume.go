// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Volume descriptors (ECMA-119 8): one a sector from sector 16 on, up to a terminator.
const (
	firstDescriptor = 16
	maxDescriptors  = 64 // real images have 2 to 5

	typePrimary       = 1
	typeSupplementary = 2
	typeTerminator    = 255
)

// volume is what one volume descriptor says of a directory tree.
type volume struct {
	label []byte
	root  record
}

// volumes are the trees of an image; joliet is nil where there is none.
type volumes struct {
	primary, joliet *volume
}

// readVolumes reads the descriptors up to the terminator, so that what UDF
// bridges put after it is never looked at. It sets im.volume.
func readVolumes(im *image) (*volumes, error) {
	var v volumes
	buf := make([]byte, sectorSize)
	for i := range int64(maxDescriptors) {
		off := (firstDescriptor + i) * sectorSize
		if err := readDescriptor(im, buf, off, i == 0); err != nil {
			return nil, err
		}
		if buf[0] == typeTerminator {
			if v.primary == nil {
				return nil, damaged(off, "no primary volume descriptor")
			}
			return &v, nil
		}
		if err := v.add(im, buf, off); err != nil {
			return nil, err
		}
	}
	return nil, damaged(firstDescriptor*sectorSize, "no end of the volume descriptors within %d sectors", maxDescriptors)
}

// readDescriptor reads one descriptor and checks its identifier. Where the
// first is missing, this is no image at all; a later one is damage.
func readDescriptor(im *image, buf []byte, off int64, first bool) error {
	if first && !im.contains(off, sectorSize) {
		return fmt.Errorf("%w: it has %d bytes, and the smallest image more than %d", ErrNotISO, im.size, off+sectorSize)
	}
	if err := im.readAt(buf, off); err != nil {
		return &FormatError{Offset: off, Err: fmt.Errorf("reading a volume descriptor: %w", err)}
	}
	if string(buf[1:6]) == "CD001" {
		return nil
	}
	if first {
		return fmt.Errorf(`%w: no "CD001" at byte %d`, ErrNotISO, off+1)
	}
	return damaged(off, "not a volume descriptor")
}

// add keeps the first primary and the first Joliet descriptor.
func (v *volumes) add(im *image, d []byte, off int64) error {
	isPrimary := d[0] == typePrimary && v.primary == nil
	isJoliet := d[0] == typeSupplementary && v.joliet == nil && isJolietEscape(d[88:120])
	if !isPrimary && !isJoliet {
		return nil
	}
	if size := binary.LittleEndian.Uint16(d[128:]); size != sectorSize {
		return damaged(off, "block size %d, only %d is supported", size, sectorSize)
	}
	root, err := parseRecord(d[156:190], off+156)
	if err != nil {
		return err
	}
	if !root.isDir() {
		return damaged(off+156, "the root is not a directory")
	}
	vol := &volume{label: bytes.Clone(d[40:72]), root: root.clone()}
	if isPrimary {
		v.primary = vol
		im.volume = int64(binary.LittleEndian.Uint32(d[80:])) * sectorSize
	} else {
		v.joliet = vol
	}
	return nil
}

// trimLabel cuts the spaces (by standard) or zeros (in practice) that fill a label.
func trimLabel(label string) string { return strings.TrimRight(label, " \x00") }
