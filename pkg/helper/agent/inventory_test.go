// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// What is in archives is asked of them each time: they come and go.
func TestArchivesThatVanish(t *testing.T) {
	n := newNode(t)
	gone, stays := n.archive("1.0.102"), n.archive("1.0.101")
	n.importAll(gone, stays)
	n.activate("1.0.102")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	s := n.list()
	n.wantArchives(*s, "1.0.102.iso: opening $A/1.0.102.iso: no such file or directory", "1.0.101.iso example-solution-1.0.101")
	wantProblems := []string{s.ConfigurationPath + ": active version 1.0.102 of example-solution is not imported"}
	if diff := cmp.Diff(wantProblems, s.Problems); diff != "" || !slices.Equal(s.Unresolved, []string{solutionName}) || len(s.Active) != 0 {
		t.Errorf("unresolved %q, active %v, problems -want +got:\n%s", s.Unresolved, s.Active, diff)
	}
	n.refused(protocol.Request{Import: &protocol.ImportRequest{Archives: []string{gone}}}, protocol.ReasonInvalid,
		"$A/1.0.102.iso is imported already, and cannot be used any more: opening $A/1.0.102.iso: no such file or directory", "")
	n.refused(protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{gone}}}, protocol.ReasonInUse,
		"$A/1.0.102.iso cannot be read, and may hold the active version of example-solution", "first run: kubectl solution deactivate example-solution")
	n.activate("latest")
	c := resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{gone}}})
	n.wantItems(c, "unimported 1.0.102.iso")
}

func TestArchivesThatAreDamaged(t *testing.T) {
	n := newNode(t)
	cut, damaged, whole := n.archive("1.0.101"), n.archive("1.0.102"), n.archive("1.0.103")
	n.importAll(cut, damaged, whole)
	if err := os.Truncate(cut, 1<<15); err != nil {
		t.Fatal(err)
	}
	n.damaged("1.0.102")
	s := n.list()
	n.wantArchives(*s, "1.0.101.iso: reading $A/1.0.101.iso: "+isoError(t, cut), "1.0.102.iso example-solution-1.0.102", "1.0.103.iso example-solution-1.0.103")
	// A list with a check of the blobs finds it, and one that is told of it.
	verified := resultOf[protocol.NodeState](n, protocol.Request{List: &protocol.ListRequest{Verify: true}})
	if got := verified.Archives[1]; got.Content != nil || !strings.HasPrefix(got.Error, "checking "+damaged+": images/") {
		t.Errorf("%+v", got)
	}
	told := resultOf[protocol.NodeState](n, protocol.Request{List: &protocol.ListRequest{Damaged: []string{damaged, "/none.iso"}}})
	if got := told.Archives[1]; got.Content != nil || got.Error != damaged+" is damaged" {
		t.Errorf("%+v", got)
	}
	for _, s := range []*protocol.NodeState{verified, told} {
		if s.Archives[2].Content == nil || s.Archives[2].Error != "" {
			t.Errorf("%+v", s.Archives[2])
		}
	}
}

// Two archives of one version can only come from an edit by hand.
func TestDuplicates(t *testing.T) {
	n := newNode(t)
	first := n.archive("1.0.101")
	second := n.write("copy.iso", mustRead(t, first))
	n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + first + ", " + second + "]\nactive: {example-solution: 1.0.101, none: latest}\n")
	s := n.list()
	want := []string{s.ConfigurationPath + ": active version latest of none is not imported", first + " and " + second + " both hold example-solution-1.0.101"}
	if diff := cmp.Diff(want, s.Problems); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// One of them has to stay for what is active.
	n.refused(protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{first, second}}}, protocol.ReasonInUse,
		"example-solution version 1.0.101 ($A/1.0.101.iso) is active", "first run: kubectl solution deactivate example-solution")
}

// An archive that import would refuse is as good as none, also where it was
// listed by hand.
func TestArchivesThatImportRefuses(t *testing.T) {
	n := newNode(t)
	bad := n.write("bad.iso", mustRead(t, archivetest.Empty(t).Without("images/").ISO(t)))
	n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + bad + "]\n")
	n.wantArchives(*n.list(), "bad.iso: checking $A/bad.iso: images: the archive has no such directory")
	n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: []\n")
	for _, structure := range []bool{true, false} {
		list := n.serve(n.agent(), protocol.Request{Import: &protocol.ImportRequest{Archives: []string{bad}, DryRun: true, Structure: structure}})
		if failure := list[len(list)-1].Error; failure == nil || failure.Reason != protocol.ReasonInvalid {
			t.Errorf("structure %t: %+v", structure, list[len(list)-1])
		}
	}
}

// twins makes the archives of two Solutions whose versions have the same id.
func (n *node) twins() (first, second string) {
	n.t.Helper()
	first = n.write("first.iso", mustRead(n.t, archivetest.New(n.t).WithName("a").WithVersion("b-1.0").ISO(n.t)))
	return first, n.write("second.iso", mustRead(n.t, archivetest.New(n.t).WithName("a-b").WithVersion("1.0").ISO(n.t)))
}

const (
	secondIsTwin = "$A/first.iso (a version b-1.0) and $A/second.iso (a-b version 1.0) have the same id a-b-1.0, which is one repository in the registry"
	firstIsTwin  = "$A/second.iso (a-b version 1.0) and $A/first.iso (a version b-1.0) have the same id a-b-1.0, which is one repository in the registry"
)

// An id stands for one Solution and version: of another with the same id nothing
// is imported.
func TestImportOfTwins(t *testing.T) {
	n := newNode(t)
	first, second := n.twins()
	imports := func(paths ...string) protocol.Request {
		return protocol.Request{Import: &protocol.ImportRequest{Archives: paths}}
	}
	n.refused(imports(first, second), protocol.ReasonConflict, secondIsTwin, "import one of them")
	n.refused(imports(second, first), protocol.ReasonConflict, firstIsTwin, "import one of them")
	n.importAll(first)
	n.refused(imports(second), protocol.ReasonConflict, secondIsTwin, "to replace the imported one, first run: kubectl solution unimport $A/first.iso")
	// Nor does one go by the name of the other.
	c := resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Name: "a-b", Version: "1.0"}})
	n.wantItems(c, "unchanged a-b-1.0 a-b-1.0")
	n.wantArchives(c.State, "first.iso a-b-1.0")
}

// Where both are listed by hand, the second one is as good as none.
func TestListOfTwins(t *testing.T) {
	n := newNode(t)
	first, second := n.twins()
	n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + second + ", " + first + "]\n")
	want := []string{"second.iso a-b-1.0", "first.iso: " + firstIsTwin}
	n.wantArchives(*n.list(), want...)
	c := resultOf[protocol.ChangeResult](n, protocol.Request{Sync: &protocol.SyncRequest{Verify: true}})
	n.wantArchives(c.State, want...)
	c = resultOf[protocol.ChangeResult](n, protocol.Request{Unimport: &protocol.UnimportRequest{Archives: []string{second}}})
	n.wantItems(c, "unimported second.iso a-b-1.0")
	n.wantArchives(*n.list(), "first.iso a-b-1.0")
}
