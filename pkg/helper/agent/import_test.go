// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

func TestImport(t *testing.T) {
	n := newNode(t)
	first, second := n.archive("1.0.101"), n.archive("1.0.102")
	c := n.importAll(second, first, second, filepath.Dir(first)+"/./1.0.101.iso")
	n.wantItems(c, "imported 1.0.102.iso example-solution-1.0.102", "imported 1.0.101.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.102.iso example-solution-1.0.102", "1.0.101.iso example-solution-1.0.101")
	if want := fmt.Sprintf("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives:\n  - %s\n  - %s\n", second, first); n.configuration() != want {
		t.Errorf("configuration\n%s\nwant\n%s", n.configuration(), want)
	}
	before := n.configuration()
	n.wantItems(n.importAll(first), "unchanged 1.0.101.iso example-solution-1.0.101")
	if n.configuration() != before {
		t.Error("importing again has changed the configuration")
	}
	n.wantArchives(*n.list(), "1.0.102.iso example-solution-1.0.102", "1.0.101.iso example-solution-1.0.101")
}

func TestImportTellsWarningsAndProgress(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	list := n.serve(n.agent(), protocol.Request{Import: &protocol.ImportRequest{Archives: []string{iso}}})
	var last protocol.Progress
	for _, e := range list[1 : len(list)-1] {
		if e.Progress.Step != "checking "+iso || e.Progress.Done < last.Done || e.Progress.Done > e.Progress.Total || e.Progress.Total <= 0 {
			t.Errorf("progress %+v after %+v", *e.Progress, last)
		}
		last = *e.Progress
	}
	if last.Total == 0 || last.Done != last.Total {
		t.Errorf("the last progress is %+v", last)
	}
	var c protocol.ChangeResult
	if err := json.Unmarshal(list[len(list)-1].Result, &c); err != nil {
		t.Fatal(err)
	}
	// The images of this archive have the tag 1.0.0, which is the default for
	// neither Operator nor UI; all are listed, so that there is no warning.
	if len(c.Items) != 1 || len(c.Items[0].Warnings) != 0 || c.State.Archives[0].Content.Operator != nil || len(c.State.Archives[0].Content.Images) != 2 {
		t.Errorf("%+v", c)
	}
	odd := n.write("odd.iso", bytes.ReplaceAll(n.iso, []byte("version: "+baseVersion), []byte("version: 1.0.0+X")))
	c = *n.importAll(odd)
	if len(c.Items[0].Warnings) != 1 || !strings.HasPrefix(c.Items[0].Warnings[0], "manifest.yaml: the id example-solution-1.0.0+X cannot be a part of an image reference") {
		t.Errorf("warnings %q", c.Items[0].Warnings)
	}
}

func TestImportRefused(t *testing.T) {
	n := newNode(t)
	good, other := n.archive("1.0.101"), n.archive("1.0.102")
	copied := n.write("copy.iso", mustRead(t, good))
	text := n.write("text.iso", []byte("hello"))
	damaged := n.damaged("1.0.103")
	imports := func(paths ...string) protocol.Request {
		return protocol.Request{Import: &protocol.ImportRequest{Archives: paths}}
	}
	n.refused(imports("solutions/a.iso"), protocol.ReasonBadRequest, `archive "solutions/a.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(imports(""), protocol.ReasonBadRequest, `archive "": the path on the bootstrap node must be absolute`, "")
	n.refused(imports("/a\nb.iso"), protocol.ReasonBadRequest, `archive "/a\nb.iso": a path holds no control characters`, "")
	n.refused(imports(n.archives+"/none.iso"), protocol.ReasonInvalid, "opening $A/none.iso: no such file or directory", "")
	n.refused(imports(n.archives), protocol.ReasonInvalid, "opening $A: it is a directory, and an archive is an ISO 9660 file", "")
	n.refused(imports(text, good, n.archives+"/none.iso"), protocol.ReasonInvalid,
		"reading $A/text.iso: "+isoError(t, text)+"\nopening $A/none.iso: no such file or directory", "")
	n.nothingLeft()
	n.refused(imports(good, copied), protocol.ReasonConflict, "$A/1.0.101.iso and $A/copy.iso both hold example-solution version 1.0.101",
		"import one of them")
	n.importAll(good)
	n.refused(imports(other, copied), protocol.ReasonConflict, "$A/1.0.101.iso and $A/copy.iso both hold example-solution version 1.0.101",
		"to replace the imported one, first run: kubectl solution unimport $A/1.0.101.iso")
	list := n.serve(n.agent(), imports(damaged, other))
	failure := list[len(list)-1].Error
	if failure == nil || failure.Reason != protocol.ReasonInvalid || failure.Hint != "kubectl solution check "+damaged+" tells everything that is wrong with it" ||
		!strings.HasPrefix(failure.Message, "checking "+damaged+": images/example-solution-") {
		t.Errorf("a damaged blob: %+v", failure)
	}
	n.wantArchives(*n.list(), "1.0.101.iso example-solution-1.0.101")
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// isoError is what the reader of ISO images says of a file.
func isoError(t *testing.T, path string) string {
	t.Helper()
	_, err := archive.Open(path)
	if err == nil {
		t.Fatalf("%s is an ISO image", path)
	}
	return strings.TrimPrefix(err.Error(), "reading "+path+": ")
}
