// SPDX-License-Identifier: Apache-2.0

package iso9660

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Images of the same trees, by both programs in all the ways they are used,
// must hold what was put in, and what other programs read from them.
func TestImages(t *testing.T) {
	const usual = "-J -joliet-long -l -iso-level 3 "
	for _, tt := range []struct {
		program, options string
		source           func(testing.TB) string
		naming           Naming
		oracles          string
	}{
		{"xorriso", usual + "-uid 0 -gid 0 -R", full, RockRidge, "bsdtar osirrox"},
		{"xorriso", "-r", full, RockRidge, "bsdtar osirrox"},
		{"xorriso", "-R -iso-level 1", full, RockRidge, "bsdtar osirrox"},
		{"xorriso", "-R -b manifest.yaml -no-emul-boot -boot-load-size 4 -c boot.cat", full, RockRidge, ""},
		{"xorriso", usual + "--norock", solution, Joliet, "bsdtar"},
		{"genisoimage", usual + "-input-charset utf-8 -R", full, RockRidge, "bsdtar"},
		{"genisoimage", usual + "-input-charset iso8859-1 -uid 0 -gid 0 -R", full, RockRidge, "bsdtar"},
		{"genisoimage", "-input-charset utf-8 -r", full, RockRidge, "bsdtar"},
		{"genisoimage", "-input-charset utf-8 -R -D", full, RockRidge, "bsdtar"},
		{"genisoimage", "-input-charset utf-8 -R -J -joliet-long -udf", full, RockRidge, "bsdtar"},
		{"genisoimage", usual + "-input-charset utf-8", solution, Joliet, "bsdtar"},
		{"genisoimage", usual + "-input-charset utf-8 -ucs-level 1", solution, Joliet, "bsdtar"},
	} {
		t.Run(tt.program+" "+strings.TrimPrefix(tt.options, usual), func(t *testing.T) {
			dir := tt.source(t)
			image := mkisofs(t, tt.program, tt.options+" -V Test_1.0.0", dir)
			x := openImage(t, image)
			if x.Naming() != tt.naming || x.VolumeID() != "Test_1.0.0" {
				t.Errorf("naming %v, label %q", x.Naming(), x.VolumeID())
			}
			got := snapshot(t, x)
			delete(got, "boot.cat") // the writer's own
			if diff := cmp.Diff(source(t, dir), got); diff != "" {
				t.Errorf("differs from the source (-source +image):\n%s", diff)
			}
			for _, program := range strings.Fields(tt.oracles) {
				if diff := cmp.Diff(extracted(t, program, image), got); diff != "" {
					t.Errorf("differs from %s (-%s +ours):\n%s", program, program, diff)
				}
			}
			if err := fstest.TestFS(x, "manifest.yaml", "empty", "nothing", "operator/deploy/crds/a_crd.yaml"); err != nil {
				t.Error(err)
			}
		})
	}
}

func source(t testing.TB, dir string) map[string]string { return snapshot(t, os.DirFS(dir)) }

func TestNoLongNames(t *testing.T) {
	dir := solution(t)
	for program, options := range map[string]string{"xorriso": "--norock", "genisoimage": "-input-charset utf-8"} {
		_, err := openError(t, mkisofs(t, program, options, dir))
		if !errors.Is(err, ErrNoLongNames) || !strings.Contains(err.Error(), "mkisofs -R -J") {
			t.Errorf("%s: got %v, want ErrNoLongNames with its remedy", program, err)
		}
	}
}

// A directory of 20,000 files spans more than 1000 sectors.
func TestLargeDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 20,000 files")
	}
	dir := t.TempDir()
	files := map[string]string{}
	for i := range 20_000 {
		files[fmt.Sprintf("blobs/%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))] = fmt.Sprint(i)
	}
	write(t, dir, files)
	want := source(t, dir)
	for program, options := range map[string]string{"xorriso": "-R", "genisoimage": "-J -joliet-long -input-charset utf-8"} {
		t.Run(program, func(t *testing.T) {
			x := openImage(t, mkisofs(t, program, options, dir))
			if got := snapshot(t, x); !maps.Equal(want, got) {
				t.Errorf("(-source +image):\n%s", cmp.Diff(want, got))
			}
			if _, err := x.Stat("blobs/" + strings.Repeat("f", 64)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a name that is not there: got %v", err)
			}
		})
	}
}

// Files that are linked, and so stored once, have the same extents.
func TestHardLinks(t *testing.T) {
	dir := full(t)
	for _, program := range []string{"xorriso", "genisoimage"} {
		x := openImage(t, mkisofs(t, program, "-R", dir))
		over, hard := extents(t, x, "over"), extents(t, x, "nothing/hard-link")
		if diff := cmp.Diff(over, hard); diff != "" || len(over) != 1 || over[0].Length != sectorSize+1 {
			t.Errorf("%s: extents %v and %v, want one and the same", program, over, hard)
		}
	}
}

func extents(t testing.TB, x *FS, path string) Extents {
	t.Helper()
	info, err := x.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := info.Sys().(*Extents)
	if !ok {
		t.Fatalf("%s: Sys is a %T", path, info.Sys())
	}
	return *e
}

// The bytes that Sys names in the image are the file.
func TestExtentsAreTheFile(t *testing.T) {
	image := mkisofs(t, "xorriso", "-R", solution(t))
	x := openImage(t, image)
	raw, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for path := range snapshot(t, x) {
		info, err := x.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			if info.Sys() != nil {
				t.Errorf("%s: a directory has Sys %v", path, info.Sys())
			}
			continue
		}
		var got []byte
		for _, e := range extents(t, x, path) {
			got = append(got, raw[e.Offset:e.Offset+e.Length]...)
		}
		want, err := x.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: extents hold %d bytes, the file %d (%v)", path, len(got), len(want), err)
		}
	}
}

// genisoimage malforms long targets: such a link is dropped, the image is not.
func TestMalformedLinks(t *testing.T) {
	for _, tt := range []struct {
		program, options string
		dropped          bool
	}{
		{"xorriso", "-R", false},
		{"genisoimage", "-R -input-charset utf-8", true},
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"file": "here\n"})
		// Not more, since both programs have lengths that they fail or hang at.
		for _, n := range []int{50, 100, 240, 300, 500, 1000} {
			target := strings.Repeat("/abcdefghi", n/10)[1:]
			if err := os.Symlink(target, filepath.Join(dir, fmt.Sprintf("link%04d", n))); err != nil {
				t.Fatal(err)
			}
		}
		want, got := source(t, dir), snapshot(t, openImage(t, mkisofs(t, tt.program, tt.options, dir)))
		dropped := false
		for path, target := range want {
			if _, there := got[path]; !there && len(target) > 250 {
				delete(want, path)
				dropped = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || dropped != tt.dropped {
			t.Errorf("%s: some dropped: %v; else (-source +image):\n%s", tt.program, dropped, diff)
		}
	}
}
