// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

func TestReportErr(t *testing.T) {
	r := archive.Report{Archive: "/a/b.iso", Findings: []archive.Finding{
		{Severity: archive.Error, Rule: "r", Path: "a", Message: "one", Blocks: archive.StageImport},
		{Severity: archive.Error, Rule: "r", Path: "b", Message: "two", Blocks: archive.StagePrepare},
		{Severity: archive.Warning, Rule: "r", Path: "c", Message: "three"},
		{Severity: archive.Error, Rule: "r", Message: "four", Blocks: archive.StageImport},
		{Severity: archive.Error, Rule: "r", Path: "e\x1b[0m", Message: "five\n", Blocks: archive.StageImport},
		{Severity: archive.Error, Rule: "r", Path: "f", Message: "six", Blocks: archive.StageImport},
		{Severity: archive.Error, Rule: "r", Path: "g", Message: "seven"},
	}}
	for _, c := range []struct {
		stages []archive.Stage
		want   string
	}{
		{[]archive.Stage{archive.StageImport}, `checking /a/b.iso: a: one; four; e\x1b[0m: five\n; and 1 more`},
		{[]archive.Stage{archive.StagePrepare}, `checking /a/b.iso: b: two`},
		{[]archive.Stage{archive.StageActivate}, `<nil>`},
		{[]archive.Stage{archive.StageActivate, archive.StagePrepare}, `checking /a/b.iso: b: two`},
		{nil, `checking /a/b.iso: a: one; b: two; four; and 3 more`},
	} {
		if got := fmt.Sprint(r.Err(c.stages...)); got != c.want {
			t.Errorf("Err(%v) is %s, want %s", c.stages, got, c.want)
		}
	}
	if r.OK() || !(archive.Report{Findings: r.Findings[2:3]}).OK() {
		t.Error("OK")
	}
}

func TestReportJSON(t *testing.T) {
	_, report := archive.New("a.iso", fstest.MapFS{"manifest.yaml": {Data: []byte("a")}, "images/x/1/y": {}}).Inspect()
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"archive":"a.iso","findings":[{"severity":"error","rule":"image-manifest","path":"images/x/1",` +
		`"message":"holds no manifest.json","hint":"an image is in images/\u003cname\u003e/\u003ctag\u003e/","blocks":"import"},` +
		`{"severity":"error","rule":"manifest-yaml","path":"manifest.yaml","message":"not a YAML mapping","blocks":"import"}]}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	_, report = archive.New("a.iso", archivetest.New(t).FS()).Inspect()
	if data, err = json.Marshal(report); err != nil || string(data) != `{"archive":"a.iso","findings":[]}` {
		t.Errorf("%s, %v", data, err)
	}
}

// Findings of a kind are counted beyond the first hundred.
func TestReportIsBounded(t *testing.T) {
	b := archivetest.Empty(t)
	for i := range 205 {
		b.WithFile(fmt.Sprintf("images/z/%05d/", i), "")
	}
	_, report := archive.New("a.iso", b.FS()).Inspect()
	got := strings.Split(lines(report), "\n")
	if len(got) != 101 || got[0] != `error(import) image-manifest 105 more findings of rule image-manifest` ||
		got[100] != `error(import) image-manifest images/z/00099: holds no manifest.json` {
		t.Errorf("%d findings: %q", len(got), got)
	}
}

// Symbolic links to where one is make 2^16 directories of one.
func TestDirectoriesAreBounded(t *testing.T) {
	dir := archivetest.Empty(t).Dir()
	for _, name := range []string{"a", "b"} {
		if err := os.Symlink(".", filepath.Join(dir, "images", name)); err != nil {
			t.Fatal(err)
		}
	}
	fsys := &counting{FS: os.DirFS(dir)}
	_, report := archive.New("a.iso", fsys).Inspect()
	if fsys.listed > 20001 {
		t.Errorf("%d directories were listed", fsys.listed)
	}
	got := lines(report)
	for _, want := range []string{
		"error(import) limit images" + strings.Repeat("/a", 17) + ": is more than 16 directories deep",
		"more findings of rule limit",
	} {
		if !strings.Contains(got, want) || len(report.Findings) != 101 {
			t.Errorf("%d findings without %q:\n%s", len(report.Findings), want, got)
		}
	}
}

// counting counts the directories that are listed and the files that are
// opened.
type counting struct {
	fs.FS
	listed, opened int
}

func (c *counting) Open(name string) (fs.File, error) {
	c.opened++
	return c.FS.Open(name)
}

func (c *counting) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.FS, name) }

func (c *counting) ReadDir(name string) ([]fs.DirEntry, error) {
	c.listed++
	return fs.ReadDir(c.FS, name)
}

// Hard links make many long files of one: what is read is bounded in sum.
func TestMetadataIsBounded(t *testing.T) {
	fsys := archivetest.New(t).FS()
	long := &fstest.MapFile{Data: append([]byte("#"), make([]byte, archive.MaxFileBytes-1)...)}
	for i := range 40 {
		fsys[fmt.Sprintf("operator/deploy/crds/%d_crd.yaml", i)] = long
	}
	opened := &counting{FS: fsys}
	_, report := archive.New("a.iso", opened).Inspect()
	if opened.opened > 40 {
		t.Errorf("%d files were opened", opened.opened)
	}
	want := `error(import) limit manifests, roles and CRDs are longer than 128 MiB together; the rest is not read`
	if got := lines(report); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
