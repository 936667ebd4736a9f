// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVolumes(t *testing.T) {
	good := newDisc().b
	for name, tt := range map[string]struct {
		change func(d *disc) []byte
		is     error
		want   string
	}{
		"nothing":           {func(*disc) []byte { return nil }, ErrNotISO, "it has 0 bytes"},
		"text":              {func(*disc) []byte { return bytes.Repeat([]byte("text "), 20_000) }, ErrNotISO, `no "CD001" at byte 32769`},
		"ends in sector 16": {func(d *disc) []byte { return d.b[:17*sectorSize-1] }, ErrNotISO, "it has 34815 bytes"},
		"ends after it":     {func(d *disc) []byte { return d.b[:17*sectorSize] }, ErrTruncated, "81920 bytes expected, 34816 are there"},
		"no terminator": {func(d *disc) []byte {
			for i := 17; i < discSectors; i++ {
				d.descriptor(i, 0)
			}
			return append(d.b, bytes.Repeat(d.sector(17), 100)...)
		}, nil, "no end of the volume descriptors within 64 sectors"},
		"second broken": {func(d *disc) []byte { d.sector(17)[1] = 'X'; return d.b }, nil, "(byte 34816, sector 17): not a volume descriptor"},
		"no primary":    {func(d *disc) []byte { d.sector(16)[0] = 0; return d.b }, nil, "no primary volume descriptor"},
		"block size":    {func(d *disc) []byte { d.sector(16)[129] = 2; return d.b }, nil, "block size 512"},
		"root no dir":   {func(d *disc) []byte { d.sector(16)[156+25] = 0; return d.b }, nil, "the root is not a directory"},
		"root record":   {func(d *disc) []byte { d.sector(16)[156] = 35; return d.b }, nil, "directory record of 35 bytes"},
		"root beyond": {func(d *disc) []byte {
			binary.LittleEndian.PutUint32(d.sector(16)[158:], 1<<31)
			return d.b
		}, ErrTruncated, "bad ISO 9660 image: . (byte "},
		"root empty": {func(d *disc) []byte { clear(d.sector(rootBlock)); return d.b }, nil, "directory record of 0 bytes"},
		"no SP":      {func(d *disc) []byte { d.sector(rootBlock)[34] = 'X'; return d.b }, ErrNoLongNames, "mkisofs -R -J"},
	} {
		t.Run(name, func(t *testing.T) {
			b := tt.change(&disc{bytes.Clone(good)})
			_, err := Open(bytes.NewReader(b), int64(len(b)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// ER may be missing or name something else: then PX tells.
func TestDetectRockRidge(t *testing.T) {
	sp := susp1("SP", 0xbe, 0xef, 0)
	for name, tt := range map[string]struct {
		self []byte
		want error
	}{
		"SP and ER":       {concat(sp, susp1("ER", erRRIP()...)), nil},
		"SP and PX":       {concat(sp, px(modeDir)), nil},
		"SP alone":        {sp, ErrNoLongNames},
		"SP, another ER":  {concat(sp, susp1("ER", 3, 0, 0, 1, 'A', 'B', 'C')), ErrNoLongNames},
		"SP, ER cut":      {concat(sp, susp1("ER", 30, 0, 0, 1, 'A')), ErrNoLongNames},
		"no SP":           {px(modeDir), ErrNoLongNames},
		"CD-ROM XA":       {concat(make([]byte, 14), sp, px(modeDir)), nil},
		"ER continued":    {concat(sp, ce(30, 2000, 18)), nil},
		"CE out of bound": {concat(sp, ce(60, 0, 18)), ErrTruncated},
	} {
		d := newDisc()
		d.dir(rootBlock, tt.self)
		copy(d.sector(30)[2000:], susp1("ER", erRRIP()...))
		if _, err := d.open(); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// SP says how many bytes other records have before their entries.
func TestSkip(t *testing.T) {
	d := newDisc()
	d.dir(rootBlock, concat(susp1("SP", 0xbe, 0xef, 5), px(modeDir)),
		rec("X.;1", 30, 1, 0, []byte("NM\x09??"), nm(0, "a")), rec("SHORT.;1", 30, 1, 0, []byte("abc")))
	want := map[string]string{"a": "-r--r--r-- 1", "SHORT": "-r--r--r-- 1"}
	if diff := cmp.Diff(want, listing(t, d.mustOpen(t), ".")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDate(t *testing.T) {
	for d, want := range map[date]string{
		{126, 2, 3, 4, 5, 6, 0}:      "2026-02-03T04:05:06Z",
		{126, 2, 3, 4, 5, 6, 4}:      "2026-02-03T03:05:06Z",
		{126, 1, 1, 0, 0, 0, 0xec}:   "2026-01-01T05:00:00Z",
		{}:                           "0001-01-01T00:00:00Z",
		{126, 13, 1}:                 "0001-01-01T00:00:00Z",
		{126, 1, 32}:                 "0001-01-01T00:00:00Z",
		{255, 12, 31, 23, 59, 59, 0}: "2155-12-31T23:59:59Z",
	} {
		if got := d.time().Format(time.RFC3339); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// Whatever the length, an image cut short is an error, or holds all it held:
// nothing is lost but padding.
func TestTruncation(t *testing.T) {
	for program, options := range map[string]string{"xorriso": "-R -J", "genisoimage": "-J -joliet-long -input-charset utf-8"} {
		b, err := os.ReadFile(mkisofs(t, program, options, solution(t)))
		if err != nil {
			t.Fatal(err)
		}
		x, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		want, end := snapshot(t, x), int64(0)
		for path := range want {
			info, err := x.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := info.Sys().(*Extents); ok && len(*e) > 0 {
				end = max(end, (*e)[0].end())
			}
		}
		for n := int64(len(b)); n >= 0; n -= 1021 {
			x, err := Open(bytes.NewReader(b[:n]), n)
			switch {
			case n >= end:
				if err != nil {
					t.Fatalf("%s: %d of %d bytes, content ends at %d: %v", program, n, len(b), end, err)
				}
				if got := snapshot(t, x); !maps.Equal(want, got) {
					t.Fatal(cmp.Diff(want, got))
				}
			case n >= 17*sectorSize && !errors.Is(err, ErrTruncated), n < 17*sectorSize && !errors.Is(err, ErrNotISO):
				t.Fatalf("%s: %d of %d bytes: %v", program, n, len(b), err)
			}
		}
		if end == int64(len(b)) {
			t.Errorf("%s: no padding, so nothing shows that it may be cut", program)
		}
	}
}

// The size that Open is given may be wrong, and reading may fail.
func TestReadErrors(t *testing.T) {
	b := newDisc(file("f", 30, 9)).b
	if _, err := Open(bytes.NewReader(b[:rootBlock*sectorSize+100]), int64(len(b))); !errors.Is(err, ErrTruncated) {
		t.Errorf("shorter than its size: got %v", err)
	}
	_, err := Open(failing{}, 1<<30)
	if !errors.Is(err, errDisk) || errors.Is(err, ErrTruncated) || errors.Is(err, ErrNotISO) {
		t.Errorf("a failing disk: got %v", err)
	}
	x, err := Open(bytes.NewReader(b[:30*sectorSize+5]), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.ReadFile("f"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content cut after Open: got %q, %v", got, err)
	}
	f, err := x.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 5 {
		t.Errorf("content cut after Open: ReadAll got %q, %v", got, err)
	}
	if n, err := f.(io.ReaderAt).ReadAt(make([]byte, 9), 0); !errors.Is(err, io.ErrUnexpectedEOF) || n != 5 {
		t.Errorf("content cut after Open: ReadAt got %d, %v", n, err)
	}
}

var errDisk = errors.New("the disk is broken")

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errDisk }
