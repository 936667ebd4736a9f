// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// The message names the path from the root, the byte and the sector, and
// passes nothing on that a terminal would obey.
func TestErrorNamesThePlace(t *testing.T) {
	nested := newDisc(folder("images", 19))
	nested.dir(19, nil, folder("app", 20))
	nested.dir(20, nil, folder("1.0.0", 21))
	nested.dir(21, nil, file("layer", 100, 7))
	_, err := nested.open()
	want := "bad ISO 9660 image: images/app/1.0.0/layer (byte 43076, sector 21): the image is truncated: " +
		"204807 bytes expected, 81920 are there, and this one ends at byte 204807"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var bad *FormatError
	if !errors.As(err, &bad) || bad.Path != "images/app/1.0.0/layer" || bad.Offset != 21*sectorSize+68 {
		t.Errorf("got %+v", bad)
	}

	_, err = newDisc(file("red\x1b[31m", 100, 7)).open()
	if err == nil || strings.ContainsRune(err.Error(), '\x1b') || !strings.Contains(err.Error(), `"red\x1b[31m" (byte`) {
		t.Errorf("got %q, want the name quoted", err)
	}
	_, err = newDisc(file("文件", 100, 7)).open()
	if err == nil || !strings.Contains(err.Error(), "image: 文件 (byte") {
		t.Errorf("got %q, want the name as it is", err)
	}
}

// A damaged name is told as far as it was read, or else as ISO 9660 has it.
func TestErrorNamesTheRecord(t *testing.T) {
	for want, record := range map[string][]byte{
		"image: begun (":  rec("RAW.;1", 30, 1, 0, nm(1, "begun")),
		"image: RAW.;1 (": rec("RAW.;1", 30, 1, 0, nm(2, "")),
		"image: a/b (":    rec("RAW.;1", 30, 1, 0, nm(0, "a/b")),
	} {
		if _, err := newDisc(record).open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestContains(t *testing.T) {
	im := &image{size: 100}
	for _, tt := range []struct {
		off, n int64
		want   bool
	}{
		{0, 0, true},
		{0, 100, true},
		{100, 0, true},
		{99, 1, true},
		{50, 50, true},
		{0, 101, false},
		{101, 0, false},
		{99, 2, false},
		{50, 51, false},
		{-1, 1, false},
		{1, -1, false},
		{-1, -1, false},
		{math.MaxInt64, 1, false},
		{1, math.MaxInt64, false},
		{math.MaxInt64, math.MaxInt64, false},
		{math.MinInt64, math.MinInt64, false},
	} {
		if got := im.contains(tt.off, tt.n); got != tt.want {
			t.Errorf("%d bytes at %d: got %v", tt.n, tt.off, got)
		}
	}
	if (&image{size: -1}).contains(0, 0) {
		t.Error("an image of -1 bytes has a place")
	}
	if _, err := Open(bytes.NewReader(nil), -1); !errors.Is(err, ErrNotISO) {
		t.Errorf("a size of -1: got %v", err)
	}
}

// A label is what stands before its filling, in whatever characters.
func TestLabel(t *testing.T) {
	for raw, want := range map[string]string{
		"Example 1.0.0": "Example 1.0.0", "zeros\x00\x00": "zeros", " leading": " leading", "": "", "caf\xe9": "café", "café": "café",
	} {
		d := newDisc()
		copy(d.sector(16)[40:72], raw+strings.Repeat(" ", 32))
		if got := d.mustOpen(t).VolumeID(); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}
