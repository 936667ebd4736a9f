// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"os"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/action"
)

func TestUnimport(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0")
	o := action.UnimportOptions{Name: f.a, Version: "1.0.0"}
	r := f.ok(f.solutions().Unimport(t.Context(), o))
	f.equal("on the node", r.Node[0].Action+" "+r.Node[0].Subject, "unimported "+f.node.Path(f.a+"-1.0.0.iso"))
	f.equal("catalog", f.versions(f.a), "1.1.0")
	if f.exists(clusterRole(f.a+":1.0.0:"+f.a+"-nodes")) || f.exists(configMap("metalk8s-solutions", "solution-"+f.a+"-1.0.0")) {
		t.Error("what belongs to the version is still there")
	}
	f.untouched(func() {
		r := f.ok(f.solutions().Unimport(t.Context(), o))
		f.equal("on the node, once more", r.Node[0].Action, "unchanged")
	})
	f.untouched(func() {
		r := f.ok(f.solutions().Unimport(t.Context(), action.UnimportOptions{Archives: []string{"/no.iso"}}))
		f.equal("on the node, of none", r.Node[0].Action, "unchanged")
		f.failed(f.solutions().Unimport(t.Context(), action.UnimportOptions{Name: f.a}))("a path, or a Solution and its version, is needed", "")
	})
	f.ok(f.solutions().Unimport(t.Context(), action.UnimportOptions{Archives: []string{f.node.Path(f.a + "-1.1.0.iso")}}))
	f.equal("catalog", f.versions(f.a), "")
	f.equal("asked", len(f.observer.Asked), 0)
}

// A version that is active, or runs in an Environment, is not unimported.
func TestUnimportInUse(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0")
	f.activated(f.a, "1.1.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	f.untouched(func() {
		f.failed(f.solutions().Unimport(t.Context(), action.UnimportOptions{Name: f.a, Version: "1.1.0"}))(
			f.a+" version 1.1.0 ("+f.node.Path(f.a+"-1.1.0.iso")+") is active", "first activate another version: kubectl solution activate "+f.a+" --version 1.0.0")
		f.failed(f.solutions().Unimport(t.Context(), action.UnimportOptions{Name: f.a, Version: "1.0.0"}))(
			f.a+" 1.0.0 is used by Environment "+target.Environment, "first remove it there: kubectl environment delete-solution "+target.Environment+" --solution "+f.a)
	})
	f.ok(f.environments().DeleteSolution(t.Context(), action.DeleteSolutionOptions{Target: target, Solution: f.a}))
	f.ok(f.solutions().Unimport(t.Context(), action.UnimportOptions{Name: f.a, Version: "1.0.0"}))
}

// Only what was uploaded is deleted.
func TestUnimportDeleteArchive(t *testing.T) {
	f := newFixture(t)
	uploaded := f.node.WriteUploaded(f.b+".iso", f.image(f.b, "1.0.0"))
	f.imported(f.a + " 1.0.0")
	f.ok(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{uploaded}}))
	f.untouched(func() {
		f.failed(f.solutions().Unimport(t.Context(), action.UnimportOptions{Name: f.a, Version: "1.0.0", DeleteArchive: true}))(
			f.node.Path(f.a+"-1.0.0.iso")+" was not uploaded: …", "run the command without --delete-archive, and delete the file by hand")
	})
	r := f.ok(f.solutions().Unimport(t.Context(), action.UnimportOptions{Archives: []string{uploaded}, DeleteArchive: true}))
	f.equal("on the node", r.Node[0].Action+" "+r.Node[1].Action, "unimported deleted")
	if _, err := os.Stat(uploaded); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
}
