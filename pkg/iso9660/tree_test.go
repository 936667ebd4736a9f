// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is wrong in a tree is an error of Open that says what and where.
func TestBadTrees(t *testing.T) {
	for name, tt := range map[string]struct {
		disc *disc
		want string
	}{
		"slash in a name":            {newDisc(file("a/b", 30, 1)), `slash or zero byte in name "a/b"`},
		"zero byte in a name":        {newDisc(file("a\x00b", 30, 1)), "slash or zero byte"},
		"dot":                        {newDisc(file(".", 30, 1)), `name "."`},
		"dot dot":                    {newDisc(folder("..", 30)), `name ".."`},
		"NM for the parent":          {newDisc(rec("X", 30, 1, 0, nm(4, ""), px(modeRegular))), "malformed Rock Ridge name"},
		"empty name":                 {newDisc(file("", 30, 1)), "empty name"},
		"name twice":                 {newDisc(file("a", 30, 1), file("b", 30, 1), file("a", 30, 1)), "bad ISO 9660 image: a (byte 36864, sector 18): the name is in the directory twice"},
		"name not finished":          {newDisc(rec("X", 30, 1, 0, nm(1, "a"))), "ends before its last part"},
		"second name":                {newDisc(file("a", 30, 1, nm(0, "b"))), "malformed Rock Ridge name"},
		"directory in itself":        {newDisc(folder("a", rootBlock)), "in the tree twice"},
		"content beyond":             {newDisc(file("a", discSectors, 1)), "truncated: 81921 bytes expected, 81920 are there"},
		"length beyond":              {newDisc(file("a", 39, 1<<31)), "truncated"},
		"address beyond":             {newDisc(file("a", 1<<32-1, 1<<32-1)), "truncated"},
		"directory beyond":           {newDisc(folder("a", 50)), "truncated"},
		"directory not there":        {newDisc(folder("a", 30)), "a (byte 61440, sector 30): the directory does not start with its own record"},
		"directory too small":        {newDisc(rec("A", rootBlock+1, 20, flagDirectory, nm(0, "a"))).with(19), "directory of 20 bytes"},
		"directory too large":        {newDisc(rec("A", 19, 30*sectorSize, flagDirectory, nm(0, "a"))).with(19), "truncated"},
		"record of 20 bytes":         {newDisc([]byte{20, 0}), "directory record of 20 bytes"},
		"record over sector":         {newDisc(folder("a", 19)).edge(), "are left in the sector"},
		"name over record":           {newDisc(concat(rec("A", 0, 0, 0)[:32], []byte{200, 'A'})), "name of 200 bytes in a directory record of 34"},
		"interleaved":                {newDisc(interleaved()), "interleaved"},
		"entry over record":          {newDisc(rec("X", 30, 1, 0, []byte("NM\xf0\x01\x00abc"))), "malformed Rock Ridge entries"},
		"short PX":                   {newDisc(rec("X", 30, 1, 0, nm(0, "a"), susp1("PX", 1))), "malformed"},
		"short CL":                   {newDisc(rec("X", 30, 1, 0, nm(0, "a"), susp1("CL", 1))), "malformed"},
		"short CE":                   {newDisc(rec("X", 30, 1, 0, nm(0, "a"), susp1("CE", 1))), "malformed"},
		"CE beyond":                  {newDisc(file("a", 30, 1, ce(50, 0, 10))), "truncated"},
		"CE too long":                {newDisc(file("a", 30, 1, ce(30, 0, 1<<20))), "malformed"},
		"CE in a circle":             {newDisc(file("a", 30, 1, ce(31, 0, 28))).at(31, ce(31, 0, 28)), "too many Rock Ridge continuation areas"},
		"CL to no directory":         {newDisc(rec("X", 0, 0, 0, nm(0, "a"), px(modeDir), cl(30))), "does not start with its own record"},
		"CL in a circle":             {newDisc(rec("X", 0, 0, 0, nm(0, "a"), px(modeDir), cl(rootBlock))), "in the tree twice"},
		"CL twice":                   {newDisc(moved("a", 19), moved("b", 19)).with(19), "in the tree twice"},
		"RE without CL":              {newDisc(folder("a", 19, susp1("RE"))).with(19), "nothing says where it belongs"},
		"directory as a file":        {newDisc(rec("X", 0, 0, 0, nm(0, "a"), px(modeDir))), "a directory in Rock Ridge, and a file in ISO 9660"},
		"compressed":                 {newDisc(file("a", 30, 1, susp1("ZF", 0, 0))), "compressed"},
		"no last section":            {newDisc(section("a", 30, sectorSize, flagMore)), "before its last section"},
		"other file between":         {newDisc(section("a", 30, sectorSize, flagMore), rec("Y.;1", 31, 1, 0, nm(0, "b"))), "a (byte "},
		"sections beyond":            {newDisc(section("a", 30, sectorSize, flagMore), section("a", 31, 1<<30, 0)), "truncated"},
		"sections repeat":            {repeated(), "larger than the image"},
		"sections of a folder":       {newDisc(rec("X", 19, sectorSize, flagDirectory|flagMore, nm(0, "a"))).with(19), "in several sections"},
		"starts with another record": {newDisc(folder("a", 19)).at(19, rec("\x01", 19, sectorSize, flagDirectory)), "does not start with its own record"},
		"section is a folder":        {newDisc(section("a", 30, sectorSize, flagMore), rec("X.;1", 19, sectorSize, flagDirectory, nm(0, "a"))).with(19), "before its last section"},
		"CE chain":                   {chain(maxContinuations), "too many Rock Ridge continuation areas"},
		"CE bytes":                   {newDisc(file("a", 30, 1, ce(20, 0, 40_000)), file("b", 30, 1, ce(20, 0, 40_000)), file("c", 30, 1, ce(20, 0, 40_000))), "too many Rock Ridge continuation areas"},
		"folders overlap":            {overlapping(), "directories take more than 81920 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.disc.open()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			var bad *FormatError
			if !errors.As(err, &bad) || bad.Offset < rootBlock*sectorSize {
				t.Errorf("%v: not a FormatError with its place in the tree", err)
			}
			if want := strings.Contains(tt.want, "truncated"); errors.Is(err, ErrTruncated) != want {
				t.Errorf("%v: is ErrTruncated, want %v", err, want)
			}
		})
	}
}

// with makes an empty directory at a block, at copies bytes there.
func (d *disc) with(block int) *disc {
	d.dir(block, nil)
	return d
}

func (d *disc) at(block int, b []byte) *disc {
	copy(d.sector(block), b)
	return d
}

// edge makes a directory whose last record would cross into the next sector.
func (d *disc) edge() *disc {
	d.dir(19, nil)
	s := d.sector(19)[68:]
	for i := 0; len(s) > 0; i++ {
		s = s[copy(s, file(fmt.Sprintf("%0120d", i), 30, 1)):]
	}
	return d
}

func interleaved() []byte {
	r := file("a", 30, 1)
	r[26] = 1
	return r
}

// moved is a record in place of a relocated directory.
func moved(name string, block uint32) []byte {
	return rec("X.;1", 0, 0, 0, nm(0, name), px(modeDir), cl(block))
}

func section(name string, block, length uint32, flags byte) []byte {
	return rec("X.;1", block, length, flags, nm(0, name), px(modeRegular))
}

// repeated is a file of one section over and over, longer than the image.
func repeated() *disc {
	var records [][]byte
	for range 10 {
		records = append(records, section("a", 30, 5*sectorSize, flagMore))
	}
	return newDisc(append(records, section("a", 30, 1, 0))...)
}

// Records that are odd and legal.
func TestOddTrees(t *testing.T) {
	d := newDisc(
		section("parts", 32, sectorSize, flagMore), // after it, before it, and beside that
		section("parts", 30, sectorSize, flagMore),
		section("parts", 31, 0, flagMore),
		section("parts", 31, 3, 0),
		rec("X.;1", 33, 1, flagAssociated, nm(0, "parts"), px(modeRegular)),
		rec("PLAIN.;1", 33, 1, 0, px(modeRegular)),
		rec("PLAIN.TXT;12", 33, 1, 0),
		rec("DIR", 19, sectorSize, flagDirectory),
		rec("X.;1", 33, 2, 0, nm(1, "con"), px(modeRegular), ce(34, 100, 28+11)),
		rec("X.;1", 99, 0, 0, nm(0, "empty")),
		rec("X.;1", 99, 7, 0, nm(0, "latin \xe9"), px(0o060000)),
		rec("X.;1", 0, 0, 0, nm(0, "no-target"), px(modeSymlink)),
		concat(file("xattr", 33, 3)[:1], []byte{2}, file("xattr", 33, 3)[2:]),
		rec("X.;1", 33, 1, 0, nm(0, "stop"), susp1("ST"), []byte("garbage")),
	).with(19)
	copy(d.sector(34)[100:], concat(ce(35, 0, 10), nm(1, "tinued")))
	copy(d.sector(35), nm(0, " name"))
	copy(d.sector(30), "second")
	copy(d.sector(31), "end")
	copy(d.sector(32), "first")
	copy(d.sector(33), "12")
	x := d.mustOpen(t)

	want := map[string]string{
		"parts": "-r--r--r-- 4099", "PLAIN": "-r--r--r-- 1", "PLAIN.TXT": "-r--r--r-- 1", "DIR": "dr-xr-xr-x 0",
		"continued name": "-r--r--r-- 2", "empty": "-r--r--r-- 0", "latin é": "?r--r--r-- 0",
		"xattr": "-r--r--r-- 3", "stop": "-r--r--r-- 1",
	}
	if diff := cmp.Diff(want, listing(t, x, ".")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	parts := string(d.sector(32)) + string(d.sector(30)) + "end"
	if got, err := x.ReadFile("parts"); string(got) != parts || err != nil {
		t.Errorf("parts: got %d bytes, %v", len(got), err)
	}
	sections := Extents{{32 * sectorSize, sectorSize}, {30 * sectorSize, sectorSize + 3}}
	if diff := cmp.Diff(sections, extents(t, x, "parts")); diff != "" {
		t.Errorf("extents (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Extents{{35 * sectorSize, 3}}, extents(t, x, "xattr")); diff != "" {
		t.Errorf("content behind extended attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Extents{}, extents(t, x, "empty")); diff != "" {
		t.Errorf("empty (-want +got):\n%s", diff)
	}
	if _, err := x.Open("latin é"); !errors.Is(err, errNoFile) {
		t.Errorf("a device opens: %v", err)
	}
}

// listing is what a directory holds: mode and size by name.
func listing(t *testing.T, x *FS, dir string) map[string]string {
	t.Helper()
	entries, err := x.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = fmt.Sprint(info.Mode(), " ", info.Size())
	}
	return got
}

// rr_moved is hidden if nothing but relocated directories was in it.
func TestRelocated(t *testing.T) {
	for name, tt := range map[string]struct {
		inMoved [][]byte
		want    map[string]string
	}{
		"only relocated": {
			[][]byte{folder("deep", 20, susp1("RE"))},
			map[string]string{"a": "dr-xr-xr-x 0", "z": "-r--r--r-- 1"},
		},
		"and a file": {
			[][]byte{folder("deep", 20, susp1("RE")), file("f", 30, 1)},
			map[string]string{"a": "dr-xr-xr-x 0", "rr_moved": "dr-xr-xr-x 0", "z": "-r--r--r-- 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisc(file("z", 30, 1), moved("a", 20), folder("rr_moved", 19))
			d.dir(19, nil, tt.inMoved...)
			d.dir(20, nil, file("inside", 30, 2))
			x := d.mustOpen(t)
			if diff := cmp.Diff(tt.want, listing(t, x, ".")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for path := range tt.want {
				if _, err := x.Stat(path); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(map[string]string{"inside": "-r--r--r-- 2"}, listing(t, x, "a")); diff != "" {
				t.Errorf("in the relocated directory (-want +got):\n%s", diff)
			}
			if _, err := x.Stat("rr_moved/deep"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("rr_moved/deep: got %v", err)
			}
		})
	}
	// Not in the root, it is a directory like any other.
	nested := newDisc(moved("a", 21), folder("sub", 19))
	nested.dir(19, nil, folder("rr_moved", 20))
	nested.dir(20, nil, folder("deep", 21, susp1("RE")))
	if diff := cmp.Diff(map[string]string{"rr_moved": "dr-xr-xr-x 0"}, listing(t, nested.with(21).mustOpen(t), "sub")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// An rr_moved that was empty from the start is a directory like any other.
	x := newDisc(folder("rr_moved", 19)).with(19).mustOpen(t)
	if diff := cmp.Diff(map[string]string{"rr_moved": "dr-xr-xr-x 0"}, listing(t, x, ".")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
