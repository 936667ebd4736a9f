// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// Targets as entries write them; "" is a link that is dropped.
func TestLinkTargets(t *testing.T) {
	for name, tt := range map[string]struct {
		entries []byte
		want    string
	}{
		"one":                            {sl(0, "a"), "a"},
		"several":                        {sl(0, "..", ".", "a", "b.c"), ".././a/b.c"},
		"absolute":                       {sl(0, "/", "etc", "passwd"), "/etc/passwd"},
		"root alone":                     {sl(0, "/"), "/"},
		"root in the middle":             {sl(0, "a", "/", "b"), "a//b"},
		"empty component":                {sl(0, "a", "", "b"), "a//b"},
		"two entries":                    {concat(sl(1, "a", "b"), sl(0, "c")), "a/b/c"},
		"component continued":            {susp1("SL", 0, 1, 2, 'a', 'b', 0, 1, 'c', 0, 1, 'd'), "abc/d"},
		"over two entries":               {concat(susp1("SL", 1, 1, 2, 'a', 'b'), susp1("SL", 0, 0, 1, 'c')), "abc"},
		"in a continuation":              {concat(sl(1, "a"), ce(31, 4, uint32(len(sl(0, "b"))))), "a/b"},
		"no data":                        {susp1("SL"), ""},
		"no component":                   {sl(0), ""},
		"one empty component":            {sl(0, ""), ""},
		"component over entry":           {susp1("SL", 0, 0, 9, 'a'), ""},
		"component without size":         {susp1("SL", 0, 0), ""},
		"not continued":                  {sl(1, "a"), ""},
		"component not ended":            {susp1("SL", 0, 1, 1, 'a'), ""},
		"one entry too many":             {concat(sl(0, "a"), sl(0, "b")), ""},
		"unknown entry flag":             {sl(2, "a"), ""},
		"unknown component":              {susp1("SL", 0, 16, 0), ""},
		"parent with text":               {susp1("SL", 0, slParent, 1, 'a'), ""},
		"slash":                          {sl(0, "a/b"), ""},
		"zero byte":                      {sl(0, "a\x00b"), ""},
		"garbage behind":                 {concat(sl(0, "a"), []byte("NM\xff\x01x")), ""},
		"garbage behind a gap":           {concat(sl(0, "a"), []byte("\x00\x09abcd")), ""},
		"name behind":                    {concat(sl(0, "a"), nm(0, "second")), ""},
		"broken, then a CE that is none": {concat(susp1("SL", 0, 0, 9, 'a'), ce(5000, 0, 10)), ""},
		"CE in a circle":                 {concat(sl(1, "a"), ce(32, 0, 28)), ""},
	} {
		d := newDisc(link("l", tt.entries), file("other", 30, 1))
		copy(d.sector(31)[4:], sl(0, "b"))
		copy(d.sector(32), ce(32, 0, 28))
		x, err := d.open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := x.ReadLink("l")
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tt.want)
		}
		if _, err := x.Stat("other"); err != nil {
			t.Errorf("%s: the file beside it: %v", name, err)
		}
	}
	for _, name := range [][]byte{nm(1, "l"), nil} {
		x := newDisc(rec("L.;1", 0, 0, 0, px(modeSymlink), name, sl(0, "a"))).mustOpen(t)
		if got := listing(t, x, "."); len(got) != 0 {
			t.Errorf("a link with the name entries %q: got %v", name, got)
		}
	}
	if _, err := newDisc(link("l", sl(1, "a"), ce(50, 0, 10))).open(); !errors.Is(err, ErrTruncated) {
		t.Errorf("entries beyond the end of the image: got %v, want ErrTruncated", err)
	}
}

// A target is as long as a path may be.
func TestLinkLength(t *testing.T) {
	long := strings.Repeat("x", 200)
	for parts, ok := range map[int]bool{20: true, 21: false} {
		d := newDisc(link("l", sl(1, long[:100]), ce(31, 0, uint32(parts-1)*208)))
		var entries []byte
		for i := 1; i < parts; i++ {
			more := byte(1)
			if i == parts-1 {
				more = 0
			}
			entries = append(entries, sl(more, long+"z")...)
		}
		copy(d.b[31*sectorSize:], entries)
		_, err := d.mustOpen(t).ReadLink("l")
		if (err == nil) != ok {
			t.Errorf("%d parts: got %v", parts, err)
		}
	}
}

// Links are followed inside the image only.
func TestFollow(t *testing.T) {
	records := [][]byte{
		file("file", 30, 1), folder("dir", 19),
		link("up", sl(0, "..", "file")), link("root", sl(0, "/", "file")), link("loop", sl(0, "loop")),
		link("ping", sl(0, "pong")), link("pong", sl(0, "ping")), link("dangling", sl(0, "nothing")),
		link("through", sl(0, "file", "x")), link("self", sl(0, ".")), link("in", sl(0, "dir", "inner")),
		link("to-dir", sl(0, "dir")),
	}
	d := newDisc(records...)
	d.dir(19, nil, file("inner", 30, 2), link("back", sl(0, "..", "file")), link("out", sl(0, "..", "..", "file")),
		link("home", sl(0, "..")))
	x := d.mustOpen(t)
	for path, want := range map[string]any{
		"file": int64(1), "in": int64(2), "dir/back": int64(1), "to-dir/inner": int64(2), "to-dir/back": int64(1),
		"self/self/dir/home/in": int64(2), "to-dir/home/to-dir/home/file": int64(1),
		"up": errEscapes, "root": errEscapes, "dir/out": errEscapes, "to-dir/out": errEscapes,
		"loop": errLoop, "ping": errLoop, "loop/x": errLoop,
		"dangling": fs.ErrNotExist, "dangling/x": fs.ErrNotExist, "dir/nothing": fs.ErrNotExist, "nothing/x": fs.ErrNotExist,
		"through": errNotDir, "file/x": errNotDir,
		"../file": fs.ErrInvalid, "/file": fs.ErrInvalid, "dir/../file": fs.ErrInvalid, "": fs.ErrInvalid,
		strings.TrimSuffix(strings.Repeat("self/", maxHops), "/"): int64(0),
		strings.Repeat("self/", maxHops) + "self":                 errLoop,
	} {
		info, err := x.Stat(path)
		switch want := want.(type) {
		case int64:
			if err != nil || info.Size() != want {
				t.Errorf("%s: got %v, %v, want %d bytes", path, info, err, want)
			}
		case error:
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", path, err, want)
			}
			if _, err := x.Open(path); !errors.Is(err, want) {
				t.Errorf("Open %s: got %v, want %v", path, err, want)
			}
		}
	}
	if info, err := x.Lstat("dangling"); err != nil || info.Mode().Type() != fs.ModeSymlink || info.Size() != 7 {
		t.Errorf("Lstat of a link: %v, %v", info, err)
	}
	if _, err := x.ReadLink("file"); !errors.Is(err, errNoLink) {
		t.Errorf("ReadLink of a file: %v", err)
	}
}

// Twenty links of each level, each to the whole of the next, end in time.
func TestLinkBomb(t *testing.T) {
	var records [][]byte
	for i := range 10 {
		next := string(rune('a' + i + 1))
		records = append(records, link(string(rune('a'+i)), sl(0, slices.Repeat([]string{next}, 20)...)))
	}
	if _, err := newDisc(records...).mustOpen(t).Stat("a"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errLoop) {
		t.Errorf("got %v", err)
	}
}
