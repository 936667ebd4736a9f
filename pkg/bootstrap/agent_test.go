// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
)

const solutionName = "example-solution"

func TestListOfNothing(t *testing.T) {
	n := newNode(t)
	want := &State{ConfigurationPath: n.root + "/etc/metalk8s/solutions.yaml", Endpoint: "registry:5000", Archives: []ArchiveState{}}
	if diff := cmp.Diff(want, n.list()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	n.nothingLeft()
}

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
	list := n.serve(n.agent(), Request{Import: &ImportRequest{Archives: []string{iso}}})
	var last Progress
	for _, e := range list[1 : len(list)-1] {
		if e.Progress.Step != "checking "+iso || e.Progress.Done < last.Done || e.Progress.Done > e.Progress.Total || e.Progress.Total <= 0 {
			t.Errorf("progress %+v after %+v", *e.Progress, last)
		}
		last = *e.Progress
	}
	if last.Total == 0 || last.Done != last.Total {
		t.Errorf("the last progress is %+v", last)
	}
	var c Change
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
	imports := func(paths ...string) Request { return Request{Import: &ImportRequest{Archives: paths}} }
	n.refused(imports("solutions/a.iso"), ReasonBadRequest, `archive "solutions/a.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(imports(""), ReasonBadRequest, `archive "": the path on the bootstrap node must be absolute`, "")
	n.refused(imports("/a\nb.iso"), ReasonBadRequest, `archive "/a\nb.iso": a path holds no control characters`, "")
	n.refused(imports(n.archives+"/none.iso"), ReasonInvalid, "opening $A/none.iso: no such file or directory", "")
	n.refused(imports(n.archives), ReasonInvalid, "opening $A: it is a directory, and an archive is an ISO 9660 file", "")
	n.refused(imports(text, good, n.archives+"/none.iso"), ReasonInvalid,
		"reading $A/text.iso: "+isoError(t, text)+"\nopening $A/none.iso: no such file or directory", "")
	n.nothingLeft()
	n.refused(imports(good, copied), ReasonConflict, "$A/1.0.101.iso and $A/copy.iso both hold example-solution version 1.0.101",
		"import one of them")
	n.importAll(good)
	n.refused(imports(other, copied), ReasonConflict, "$A/1.0.101.iso and $A/copy.iso both hold example-solution version 1.0.101",
		"to replace the imported one, first run: kubectl solution unimport $A/1.0.101.iso")
	list := n.serve(n.agent(), imports(damaged, other))
	failure := list[len(list)-1].Error
	if failure == nil || failure.Reason != ReasonInvalid || failure.Hint != "kubectl solution check "+damaged+" tells everything that is wrong with it" ||
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

func TestBadConfiguration(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	n.configure("apiVersion: v1\nkind: SolutionsConfiguration\n")
	const want = `reading $R/etc/metalk8s/solutions.yaml:1: apiVersion is "v1", and must be "solutions.metalk8s.scality.com/v1alpha1"`
	for name, req := range map[string]Request{
		"list":       {List: &ListRequest{}},
		"import":     {Import: &ImportRequest{Archives: []string{iso}}},
		"unimport":   {Unimport: &UnimportRequest{Archives: []string{iso}}},
		"activate":   {Activate: &ActivateRequest{Name: solutionName}},
		"deactivate": {Deactivate: &DeactivateRequest{Name: solutionName}},
	} {
		t.Run(name, func(t *testing.T) { n.t = t; n.refused(req, ReasonInvalid, want, "") })
	}
}

func TestCheck(t *testing.T) {
	n := newNode(t)
	good, damaged := n.archive("1.0.101"), n.damaged("1.0.102")
	for _, structure := range []bool{true, false} {
		r := resultOf[CheckResult](n, Request{Check: &CheckRequest{Archives: []string{good, damaged}, Structure: structure}})
		if len(r.Archives) != 2 || r.Archives[0].Content.Version != "1.0.101" || !r.Archives[0].Report.OK() || r.Archives[0].Report.Archive != good {
			t.Fatalf("structure %t: %+v", structure, r)
		}
		// Only who reads the blobs finds the damage.
		if r.Archives[1].Content.Version != "1.0.102" || r.Archives[1].Report.OK() != structure {
			t.Errorf("structure %t: %+v", structure, r.Archives[1].Report)
		}
	}
	n.refused(Request{Check: &CheckRequest{Archives: []string{good, n.archives + "/none.iso"}}}, ReasonInvalid, "opening $A/none.iso: no such file or directory", "")
	n.refused(Request{Check: &CheckRequest{Archives: []string{"none.iso"}}}, ReasonBadRequest, `archive "none.iso": the path on the bootstrap node must be absolute`, "")
	n.nothingLeft()
}

func TestRead(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	r := resultOf[ReadResult](n, Request{Read: &ReadRequest{Archive: iso, Paths: []string{"operator/deploy/crds/example_crd.yaml", "manifest.yaml"}}})
	if len(r.Files) != 2 || r.Files[0].Path != "operator/deploy/crds/example_crd.yaml" || !bytes.Contains(r.Files[0].Data, []byte("CustomResourceDefinition")) ||
		!bytes.Contains(r.Files[1].Data, []byte("version: 1.0.101")) {
		t.Errorf("%+v", r)
	}
	read := func(archive string, paths ...string) Request {
		return Request{Read: &ReadRequest{Archive: archive, Paths: paths}}
	}
	n.refused(read(iso, "manifest.yaml", "none.yaml"), ReasonNotFound, "reading $A/1.0.101.iso: reading none.yaml in $A/1.0.101.iso: file does not exist", "")
	n.refused(read(iso, "../../etc/passwd"), ReasonNotFound, "reading $A/1.0.101.iso: reading ../../etc/passwd in $A/1.0.101.iso: invalid argument", "")
	n.refused(read("1.0.101.iso"), ReasonBadRequest, `archive "1.0.101.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(read("/etc/passwd", "x"), ReasonInvalid, "reading /etc/passwd: "+isoError(t, "/etc/passwd"), "")
}

func TestConfigurationRequest(t *testing.T) {
	n := newNode(t)
	if got := resultOf[Configuration](n, Request{Configuration: &ConfigurationRequest{}}); !cmp.Equal(*got, n.agent().Configuration) {
		t.Errorf("%+v", got)
	}
}

func TestActivate(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.109"), n.archive("1.0.110"))
	for _, tt := range []struct {
		version, action, id, active string
	}{
		{"1.0.109", "activated", "1.0.109", "1.0.109"},
		{"1.0.109", "unchanged", "1.0.109", "1.0.109"},
		{"latest", "activated", "1.0.110", "1.0.110"},
		{"", "unchanged", "1.0.110", "1.0.110"},
		{"1.0.110", "activated", "1.0.110", "1.0.110"}, // from latest to this one
		{"1.0.109", "activated", "1.0.109", "1.0.109"},
	} {
		c := n.activate(tt.version)
		n.wantItems(c, tt.action+" example-solution example-solution-"+tt.id)
		if want := map[string]string{solutionName: tt.active}; !maps.Equal(c.State.Active, want) || !maps.Equal(n.list().Active, want) {
			t.Errorf("activate %q: active %v, want %v", tt.version, c.State.Active, want)
		}
	}
	activate := func(name, version string) Request {
		return Request{Activate: &ActivateRequest{Name: name, Version: version}}
	}
	n.refused(activate("none", "latest"), ReasonNotFound, `solution "none" is not imported`, "kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it")
	n.refused(activate(solutionName, "1.0.111"), ReasonNotFound, "version 1.0.111 of Solution example-solution is not imported", "imported versions are: 1.0.109, 1.0.110")
}

func TestLatestFollowsImports(t *testing.T) {
	n := newNode(t)
	n.importAll(n.archive("1.0.109"))
	n.activate("latest")
	c := n.importAll(n.archive("1.0.110"), n.archive("1.0.1-a"))
	if c.State.Active[solutionName] != "1.0.110" {
		t.Errorf("active %v", c.State.Active)
	}
	if !strings.Contains(n.configuration(), "example-solution: latest\n") {
		t.Errorf("configuration\n%s", n.configuration())
	}
}

func TestDeactivate(t *testing.T) {
	n := newNode(t)
	deactivate := func(name string) Request { return Request{Deactivate: &DeactivateRequest{Name: name}} }
	n.refused(deactivate(solutionName), ReasonNotFound, `solution "example-solution" is not imported`, "kubectl solution get lists what is")
	iso := n.archive("1.0.101")
	n.importAll(iso)
	n.wantItems(resultOf[Change](n, deactivate(solutionName)), "unchanged example-solution")
	n.activate("latest")
	c := resultOf[Change](n, deactivate(solutionName))
	n.wantItems(c, "deactivated example-solution")
	if len(c.State.Active) != 0 || strings.Contains(n.configuration(), solutionName+":") {
		t.Errorf("%+v\n%s", c.State.Active, n.configuration())
	}
	// Also where the archive is gone.
	n.activate("1.0.101")
	if err := os.Remove(iso); err != nil {
		t.Fatal(err)
	}
	n.wantItems(resultOf[Change](n, deactivate(solutionName)), "deactivated example-solution")
}

func TestUnimport(t *testing.T) {
	n := newNode(t)
	paths := []string{n.archive("1.0.101"), n.archive("1.0.102"), n.archive("1.0.103")}
	n.importAll(paths...)
	n.activate("latest")
	unimport := func(req UnimportRequest) Request { return Request{Unimport: &req} }
	const hint = "first run: kubectl solution deactivate example-solution"
	n.refused(unimport(UnimportRequest{}), ReasonBadRequest, "a path, or a Solution and its version, is needed", "")
	n.refused(unimport(UnimportRequest{Name: solutionName}), ReasonBadRequest, "a path, or a Solution and its version, is needed", "")
	n.refused(unimport(UnimportRequest{Archives: []string{"a.iso"}}), ReasonBadRequest, `archive "a.iso": the path on the bootstrap node must be absolute`, "")
	n.refused(unimport(UnimportRequest{Archives: paths}), ReasonInUse, "example-solution version 1.0.103 ($A/1.0.103.iso) is active", hint)
	n.refused(unimport(UnimportRequest{Name: solutionName, Version: "1.0.103"}), ReasonInUse, "example-solution version 1.0.103 ($A/1.0.103.iso) is active",
		"first activate another version: kubectl solution activate example-solution --version 1.0.102")
	c := resultOf[Change](n, unimport(UnimportRequest{Name: solutionName, Version: "1.0.102", Archives: []string{n.archives + "/none.iso"}}))
	n.wantItems(c, "unchanged none.iso", "unimported 1.0.102.iso example-solution-1.0.102")
	c = resultOf[Change](n, unimport(UnimportRequest{Name: solutionName, Version: "1.0.102"}))
	n.wantItems(c, "unchanged example-solution-1.0.102 example-solution-1.0.102")
	c = resultOf[Change](n, unimport(UnimportRequest{Archives: paths[:2]}))
	n.wantItems(c, "unchanged 1.0.102.iso", "unimported 1.0.101.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.103.iso example-solution-1.0.103")
	if _, err := os.Stat(paths[0]); err != nil {
		t.Errorf("the ISO file is gone: %v", err)
	}
}

// By path and by name, the same archive is one.
func TestUnimportTwoWays(t *testing.T) {
	n := newNode(t)
	path := n.archive("1.0.101")
	n.importAll(path)
	c := resultOf[Change](n, Request{Unimport: &UnimportRequest{Name: solutionName, Version: "1.0.101", Archives: []string{path}}})
	n.wantItems(c, "unimported 1.0.101.iso example-solution-1.0.101")
	n.wantArchives(c.State)
}

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
	n.refused(Request{Import: &ImportRequest{Archives: []string{gone}}}, ReasonInvalid,
		"$A/1.0.102.iso is imported already, and cannot be used any more: opening $A/1.0.102.iso: no such file or directory", "")
	n.refused(Request{Unimport: &UnimportRequest{Archives: []string{gone}}}, ReasonInUse,
		"$A/1.0.102.iso cannot be read, and may hold the active version of example-solution", "first run: kubectl solution deactivate example-solution")
	n.activate("latest")
	c := resultOf[Change](n, Request{Unimport: &UnimportRequest{Archives: []string{gone}}})
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
	verified := resultOf[State](n, Request{List: &ListRequest{Verify: true}})
	if got := verified.Archives[1]; got.Content != nil || !strings.HasPrefix(got.Error, "checking "+damaged+": images/") {
		t.Errorf("%+v", got)
	}
	told := resultOf[State](n, Request{List: &ListRequest{Damaged: []string{damaged, "/none.iso"}}})
	if got := told.Archives[1]; got.Content != nil || got.Error != damaged+" is damaged" {
		t.Errorf("%+v", got)
	}
	for _, s := range []*State{verified, told} {
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
	n.refused(Request{Unimport: &UnimportRequest{Archives: []string{first, second}}}, ReasonInUse,
		"example-solution version 1.0.101 ($A/1.0.101.iso) is active", "first run: kubectl solution deactivate example-solution")
}

func TestUnimportOfDuplicates(t *testing.T) {
	n := newNode(t)
	first, other := n.archive("1.0.101"), n.archive("1.0.102")
	second := n.write("copy.iso", mustRead(t, first))
	configure := func(active string, archives ...string) {
		n.configure("apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + strings.Join(archives, ", ") + "]\nactive: {" + active + "}\n")
	}
	unimport := func(req UnimportRequest) Request { return Request{Unimport: &req} }
	configure("example-solution: 1.0.101", first, second, other)
	c := resultOf[Change](n, unimport(UnimportRequest{Archives: []string{second}}))
	n.wantItems(c, "unimported copy.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.101.iso example-solution-1.0.101", "1.0.102.iso example-solution-1.0.102")
	// By name and version, it is all of them.
	configure("", first, second, other)
	c = resultOf[Change](n, unimport(UnimportRequest{Name: solutionName, Version: "1.0.101"}))
	n.wantItems(c, "unimported 1.0.101.iso example-solution-1.0.101", "unimported copy.iso example-solution-1.0.101")
	n.wantArchives(c.State, "1.0.102.iso example-solution-1.0.102")
	// One that is listed twice is one.
	configure("example-solution: 1.0.101", first, first)
	n.refused(unimport(UnimportRequest{Archives: []string{first}}), ReasonInUse,
		"example-solution version 1.0.101 ($A/1.0.101.iso) is active", "first run: kubectl solution deactivate example-solution")
	configure("", first, first)
	c = resultOf[Change](n, unimport(UnimportRequest{Archives: []string{first}}))
	n.wantArchives(c.State)
	n.wantArchives(*n.list())
}

func TestDryRunsLeaveNothing(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	for _, structure := range []bool{true, false} {
		c := resultOf[Change](n, Request{Import: &ImportRequest{Archives: []string{iso}, DryRun: true, Structure: structure}})
		n.wantItems(c, "imported 1.0.101.iso example-solution-1.0.101")
		n.wantArchives(c.State, "1.0.101.iso example-solution-1.0.101")
	}
	// Structure is for dry runs: a real import reads every blob.
	damaged := n.damaged("1.0.102")
	if c := resultOf[Change](n, Request{Import: &ImportRequest{Archives: []string{damaged}, DryRun: true, Structure: true}}); len(c.Items) != 1 {
		t.Errorf("%+v", c)
	}
	for _, req := range []ImportRequest{{DryRun: true}, {Structure: true}} {
		req.Archives = []string{damaged}
		if list := n.serve(n.agent(), Request{Import: &req}); list[len(list)-1].Error == nil {
			t.Errorf("%+v takes a damaged archive", req)
		}
	}
	resultOf[Change](n, Request{Unimport: &UnimportRequest{Archives: []string{iso}, DryRun: true}})
	n.nothingLeft()

	n.importAll(iso)
	before := n.configuration()
	lock := n.agent().Configuration.SolutionsFile().Path + ".lock"
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	c := resultOf[Change](n, Request{Activate: &ActivateRequest{Name: solutionName, DryRun: true}})
	if c.State.Active[solutionName] != "1.0.101" {
		t.Errorf("%+v", c.State)
	}
	resultOf[Change](n, Request{Deactivate: &DeactivateRequest{Name: solutionName, DryRun: true}})
	c = resultOf[Change](n, Request{Unimport: &UnimportRequest{Archives: []string{iso}, DryRun: true}})
	n.wantArchives(c.State)
	entries, err := os.ReadDir(filepath.Dir(lock))
	if err != nil || len(entries) != 1 || n.configuration() != before {
		t.Errorf("%v, %v; configuration\n%s", entries, err, n.configuration())
	}
}

func TestLocked(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	n.importAll(iso)
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	agent := n.agent()
	agent.LockTimeout = 30 * time.Millisecond
	list := n.serve(agent, Request{Activate: &ActivateRequest{Name: solutionName}})
	want := &Failure{
		Message: fmt.Sprintf("locking %s: locked by alice@laptop (pid %d): context deadline exceeded", agent.Configuration.SolutionsFile().Path, os.Getpid()),
		Hint:    "another change is under way on the bootstrap node; run the command again when it has ended", Reason: ReasonLocked,
	}
	if diff := cmp.Diff(want, list[len(list)-1].Error); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Who only looks does not wait.
	list = n.serve(agent, Request{List: &ListRequest{Verify: true}})
	if list[len(list)-1].Error != nil {
		t.Errorf("list: %+v", list[len(list)-1].Error)
	}
	list = n.serve(agent, Request{Activate: &ActivateRequest{Name: solutionName, DryRun: true}})
	if list[len(list)-1].Error != nil {
		t.Errorf("dry run: %+v", list[len(list)-1].Error)
	}
	// Who waits long enough goes on.
	done := make(chan []Event)
	go func() {
		done <- n.serve(n.agent(), Request{Activate: &ActivateRequest{Name: solutionName}, Holder: "bob"})
	}()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if list := <-done; list[len(list)-1].Error != nil {
		t.Errorf("after the lock is free: %+v", list[len(list)-1].Error)
	}
}

// All at once, nobody's import is lost.
func TestConcurrentImports(t *testing.T) {
	n := newNode(t)
	var paths []string
	for i := range 20 {
		paths = append(paths, n.archive(fmt.Sprintf("1.0.1%02d", i)))
	}
	var wait sync.WaitGroup
	for _, path := range paths {
		wait.Go(func() {
			list := n.serve(n.agent(), Request{Import: &ImportRequest{Archives: []string{path}}, Holder: path})
			if failure := list[len(list)-1].Error; failure != nil {
				t.Errorf("%s: %+v", path, *failure)
			}
		})
	}
	wait.Wait()
	var listed []string
	for _, a := range n.list().Archives {
		if a.Content == nil || a.Content.Version+".iso" != filepath.Base(a.Path) {
			t.Errorf("%+v", a)
		}
		listed = append(listed, a.Path)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(paths, listed); diff != "" {
		t.Errorf("-imported +listed:\n%s", diff)
	}
}

func TestCanceled(t *testing.T) {
	n := newNode(t)
	iso := n.archive("1.0.101")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, req := range map[string]Request{
		"import": {Import: &ImportRequest{Archives: []string{iso}}},
		"check":  {Check: &CheckRequest{Archives: []string{iso}}},
	} {
		req.Protocol = Protocol
		data, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := n.agent().Serve(ctx, bytes.NewReader(data), &out); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		parseEvents(t, out.String())
	}
	n.nothingLeft()
}
