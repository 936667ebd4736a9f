// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

func TestImport(t *testing.T) {
	f := newFixture(t)
	o := action.ImportOptions{Archives: []string{f.archive(f.a, "1.0.0"), f.archive(f.b, "2.0.0", withUI)}}
	r := f.ok(f.solutions().Import(t.Context(), o))
	f.equal("on the node", len(r.Node), 2)
	for _, n := range r.Node {
		f.equal("on the node", n.Action, "imported")
	}
	if got := len(f.node.Requests); got > 3 {
		t.Errorf("the helper was asked %d times", got)
	}
	f.equal("images", len(r.Plan.Images), 2)
	f.equal("catalog", f.versions(f.a)+", "+f.versions(f.b), "1.0.0, 2.0.0")
	f.equal("asked", len(f.observer.Asked), 0)
	for _, line := range []string{
		"create clusterrole.rbac.authorization.k8s.io/" + f.a + ":1.0.0:" + f.a + "-nodes",
		"create configmap/solution-" + f.b + "-2.0.0 in namespace metalk8s-solutions",
	} {
		if !slices.Contains(lines(r), line) {
			t.Errorf("no %s in %q", line, lines(r))
		}
	}
	f.untouched(func() {
		again := f.ok(f.solutions().Import(t.Context(), o))
		f.equal("on the node, once more", again.Node[0].Action+" "+again.Node[1].Action, "unchanged unchanged")
		if !again.Plan.IsEmpty() {
			t.Errorf("once more: %q", lines(again))
		}
	})
}

// What cannot be imported is found before anything is changed.
func TestImportRefused(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	other := f.node.Write("other.iso", f.image(f.a, "1.0.0"))
	damaged := f.node.Write("damaged.iso", inprocess.Damage(t, f.image(f.b, "1.0.0")))
	for name, tt := range map[string]struct {
		archives  []string
		err, hint string
	}{
		"missing":      {[]string{f.node.Path("no.iso")}, "opening " + f.node.Path("no.iso") + ": no such file or directory", ""},
		"no path":      {[]string{"no.iso"}, `archive "no.iso": the path on the bootstrap node must be absolute`, ""},
		"same version": {[]string{other}, f.node.Path(f.a+"-1.0.0.iso") + " and " + other + " both hold " + f.a + " version 1.0.0", "to replace the imported one, first run: kubectl solution unimport …"},
		"damaged":      {[]string{damaged}, "checking " + damaged + ": …", "kubectl solution check …"},
	} {
		t.Run(name, func(t *testing.T) {
			f.untouched(func() {
				r := f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: tt.archives}))(tt.err, tt.hint)
				f.equal("on the node", len(r.Node), 0)
			})
		})
	}
	f.untouched(func() { // the blobs are checked in a dry run, too
		f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{damaged}, Options: action.Options{DryRun: action.DryRunClient}}))("checking "+damaged+": …", "kubectl solution check …")
	})
}

func TestSolutionsDryRun(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0")
	f.activated(f.a, "1.0.0")
	f.archive(f.a, "2.0.0")
	for _, dryRun := range []action.DryRun{action.DryRunClient, action.DryRunServer} {
		f.untouched(func() {
			s, o := f.solutions(), action.Options{DryRun: dryRun}
			for name, do := range map[string]func() (*action.Result, error){
				"import": func() (*action.Result, error) {
					return s.Import(t.Context(), action.ImportOptions{Options: o, Archives: []string{f.node.Path(f.a + "-2.0.0.iso")}})
				},
				"activate": func() (*action.Result, error) {
					return s.Activate(t.Context(), action.ActivateOptions{Options: o, Name: f.a, Version: "1.1.0"})
				},
				"deactivate": func() (*action.Result, error) {
					return s.Deactivate(t.Context(), action.DeactivateOptions{Options: o, Name: f.a})
				},
				"unimport": func() (*action.Result, error) {
					return s.Unimport(t.Context(), action.UnimportOptions{Options: o, Name: f.a, Version: "1.1.0"})
				},
			} {
				r := f.ok(do())
				if r.Plan.IsEmpty() || len(r.Plan.Node) != 1 || len(r.Changes) > 0 || len(r.Node) > 0 {
					t.Errorf("%s, dry run %d: %+v", name, dryRun, r)
				}
			}
			if r := f.ok(s.Sync(t.Context(), o)); !r.Plan.IsEmpty() {
				t.Errorf("sync, dry run %d: %+v", dryRun, r.Plan.Changes)
			}
		})
	}
	f.equal("asked", len(f.observer.Asked), 0)
}

func TestActivate(t *testing.T) {
	f := newFixture(t)
	f.archive(f.a, "2.0.0", withoutDefinition)
	f.imported(f.a+" 1.0.0", f.a+" 2.0.0")
	r := f.ok(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a, Version: "1.0.0"}))
	f.equal("definitions", len(r.Plan.Definitions), 1)
	f.equal("catalog", f.versions(f.a), "1.0.0* 2.0.0")
	if !f.exists(plan.DefinitionRef("disks."+f.a+".example.com")) || !f.exists(clusterRole(f.a+"-nodes")) {
		t.Error("the definition and the role are not there")
	}
	f.disk(f.a, "default", "")
	// The highest version has no such definition, which stays for the object.
	r = f.ok(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a, Version: v1alpha1.LatestVersion}))
	f.equal("catalog", f.versions(f.a), "1.0.0 2.0.0*")
	i := slices.IndexFunc(r.Changes, func(c plan.Change) bool { return c.Action == plan.Keep })
	if i < 0 || r.Changes[i].Reason != "has 1 custom resource: default/one" {
		t.Errorf("kept: %+v", r.Changes)
	}
	f.equal("asked", len(f.observer.Asked), 0)
	f.untouched(func() {
		f.failed(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a, Version: "3.0.0"}))("version 3.0.0 of Solution "+f.a+" is not imported", "imported versions are: 1.0.0, 2.0.0")
		f.failed(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.b}))(`solution "`+f.b+`" is not imported`, "kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it")
	})
}

// What objects lose has to be accepted.
func TestActivateLoss(t *testing.T) {
	f := newFixture(t)
	f.archive(f.a, "2.0.0", withoutMode)
	f.imported(f.a+" 1.0.0", f.a+" 2.0.0")
	f.activated(f.a, "1.0.0")
	f.disk(f.a, "default", "")
	name := "disks." + f.a + ".example.com"
	o := action.ActivateOptions{Name: f.a, Version: "2.0.0"}
	f.untouched(func() {
		r := f.failed(f.solutions().Activate(t.Context(), o))("CustomResourceDefinition "+name+": …", "to accept this: --accept-crd-loss "+name)
		f.equal("refusals", len(r.Plan.Refusals), 1)
	})
	o.AcceptLoss = []string{name}
	r := f.ok(f.solutions().Activate(t.Context(), o))
	if !slices.ContainsFunc(r.Warnings, func(text string) bool { return strings.Contains(text, "default/one") }) {
		t.Errorf("warnings: %q", r.Warnings)
	}
	f.ok(f.solutions().Deactivate(t.Context(), action.DeactivateOptions{Name: f.a}))
}

// Deactivation deletes the objects: it asks before anything is written, and goes no further without an answer.
func TestDeactivate(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	f.activated(f.a, "1.0.0")
	f.disk(f.a, "default", "")
	o := action.DeactivateOptions{Name: f.a}
	f.observer.Answer = func(p *plan.Plan) error {
		f.equal("destroys", p.Destroys, []string{"deleting CustomResourceDefinition disks." + f.a + ".example.com deletes 1 custom resource and everything it owns: default/one"})
		return errNo
	}
	f.untouched(func() {
		r := f.failed(f.solutions().Deactivate(t.Context(), o))(errNo.Error(), "")
		f.equal("definitions", r.Plan.Definitions[0].Objects, 1)
	})
	f.equal("asked", len(f.observer.Asked), 1)
	var before []string
	f.observer.Answer = func(*plan.Plan) error {
		before = f.writes(func() {})
		return nil
	}
	since := f.writes(func() { f.ok(f.solutions().Deactivate(t.Context(), o)) })
	f.equal("written before the answer", len(before), 0)
	if !slices.Contains(since, "delete customresourcedefinitions.apiextensions.k8s.io disks."+f.a+".example.com: 200") {
		t.Errorf("written: %q", since)
	}
	f.equal("asked", len(f.observer.Asked), 2)
	f.equal("catalog", f.versions(f.a), "1.0.0")
	// Nothing is destroyed any more, so nobody is asked.
	f.untouched(func() { f.ok(f.solutions().Deactivate(t.Context(), o)) })
	f.equal("asked", len(f.observer.Asked), 2)
	f.untouched(func() {
		f.failed(f.solutions().Deactivate(t.Context(), action.DeactivateOptions{Name: f.b}))(`solution "`+f.b+`" is not imported`, "kubectl solution get lists what is")
	})
}

// A definition that is not gone in time fails the operation, which can be run again.
func TestDeactivateTimeout(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	f.activated(f.a, "1.0.0")
	f.disk(f.a, "default", ", finalizers: [example.com/held]")
	f.failed(f.solutions().Deactivate(t.Context(), action.DeactivateOptions{Name: f.a, Options: action.Options{Timeout: time.Second}}))("the bootstrap node is done, and the cluster is not yet: Solution "+f.a+": timed out waiting for customresourcedefinition.apiextensions.k8s.io/disks."+f.a+
		".example.com: being deleted, held by default/one, which has finalizer example.com/held…", "it goes on without this command; …")
	if !slices.ContainsFunc(f.observer.Steps, func(text string) bool { return strings.Contains(text, "held by default/one") }) {
		t.Errorf("steps: %q", f.observer.Steps)
	}
	f.release(plan.Ref{Group: f.a + ".example.com", Version: "v1", Kind: "Disk", Namespace: "default", Name: "one"})
	f.ok(f.solutions().Deactivate(t.Context(), action.DeactivateOptions{Name: f.a}))
}
