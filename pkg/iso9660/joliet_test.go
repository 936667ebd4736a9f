// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// A Joliet tree made by hand, for names that no program writes.
func TestJolietNames(t *testing.T) {
	ucs2 := func(s string) string {
		var b []byte
		for _, r := range s {
			b = append(b, byte(r>>8), byte(r))
		}
		return string(b)
	}
	for name, tt := range map[string]struct {
		raw, want string
		flags     byte
	}{
		"version":           {ucs2("name;1"), "name", 0},
		"long version":      {ucs2("name;12345"), "name", 0},
		"no version":        {ucs2("name"), "name", 0},
		"only a version":    {ucs2(";1"), ";1", 0},
		"no number":         {ucs2("name;"), "name;", 0},
		"number":            {ucs2("name1"), "name1", 0},
		"directory":         {ucs2("name;1"), "name;1", flagDirectory},
		"surrogate pair":    {"\xd8\x3d\xde\x00", "😀", 0},
		"half a pair":       {"\xd8\x3d\x00a", "\ufffda", 0},
		"half at the end":   {"\x00a\xd8\x3d", "a\ufffd", 0},
		"other half":        {"\xde\x00", "\ufffd", 0},
		"odd":               {"abc", "error: odd number of bytes", 0},
		"slash":             {ucs2("a/b"), "error: slash or zero byte", 0},
		"level 3 three-way": {ucs2("文件"), "文件", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisc()
			d.descriptor(16, typeSupplementary)
			copy(d.sector(16)[88:], "%/E")
			d.sector(16)[0] = typePrimary
			d.descriptor(17, typeSupplementary)
			copy(d.sector(17)[88:], "%/E")
			copy(d.sector(17)[40:], ucs2("Läbel           "))
			copy(d.sector(18), newDisc().sector(17))
			for _, s := range []int{16, 17} {
				binary.LittleEndian.PutUint32(d.sector(s)[158:], 19)
			}
			d.dir(19, nil, rec(tt.raw, 20, sectorSize, tt.flags))
			d.dir(20, nil)
			x, err := d.open()
			if want, isErr := strings.CutPrefix(tt.want, "error: "); isErr {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := listing(t, x, ".")[tt.want]; !ok || x.VolumeID() != "Läbel" || x.Naming() != Joliet {
				t.Errorf("got %q, want %q; label %q, %v", listing(t, x, "."), tt.want, x.VolumeID(), x.Naming())
			}
		})
	}
}

// A supplementary descriptor need not be Joliet's: ISO 9660:1999 has one too.
func TestOtherSupplementary(t *testing.T) {
	for escape, want := range map[string]error{"%/@": nil, "%/C": nil, "%/E": nil, "%/G": ErrNoLongNames, "": ErrNoLongNames} {
		d := newDisc()
		// The terminator takes the root's place, which moves on.
		clear(d.sector(18))
		copy(d.sector(18), d.sector(17))
		d.dir(19, nil)
		d.descriptor(17, typeSupplementary)
		copy(d.sector(17)[88:], escape)
		for _, s := range []int{16, 17} {
			binary.LittleEndian.PutUint32(d.sector(s)[158:], 19)
		}
		if _, err := d.open(); !errors.Is(err, want) {
			t.Errorf("escape sequence %q: got %v, want %v", escape, err, want)
		}
	}
}
