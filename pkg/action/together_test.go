// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

const again = "someone else made a change at the same time; reading again"

// atCommit has something happen once, before the node is changed.
func (f *fixture) atCommit(do func()) {
	f.node.Before = func(req *protocol.Request) error {
		if req.Changes() {
			f.node.Before = nil
			do()
		}
		return nil
	}
}

// Someone writes the catalog between the plan and the write: what they have written stays.
func TestCatalogConflict(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	theirs := `[{"name":"Theirs","id":"theirs-1","version":"1","active":false,"archive":"/x.iso","mountpoint":"","manifest":{}}]`
	f.atCommit(func() { f.edit(catalog, func(cm *corev1.ConfigMap) { cm.Data["theirs"] = theirs }) })
	f.ok(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{f.archive(f.b, "1.0.0")}}))
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b)+"; "+f.versions("theirs"), "1.0.0; 1.0.0; 1")
	f.equal("steps", f.observer.Steps, []string{again})
}

// The catalog is made by someone else between the plan and the write.
func TestCatalogCreatedByOthers(t *testing.T) {
	f := newFixture(t)
	f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	f.delete(catalog)
	f.atCommit(func() {
		f.create("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: metalk8s-solutions, name: metalk8s-solutions}}")
	})
	f.imported(f.a + " 1.0.0")
	f.equal("catalog", f.versions(f.a), "1.0.0")
	f.equal("steps", f.observer.Steps, []string{again})
}

// Someone writes the catalog each time: it is tried again, and not for ever.
func TestCatalogConflictForEver(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	n := 0
	write := func() {
		n++
		f.edit(catalog, func(cm *corev1.ConfigMap) { cm.Annotations["theirs"] = strings.Repeat("x", n) })
	}
	f.node.Before = func(req *protocol.Request) error {
		if req.Changes() || req.List != nil {
			write()
		}
		return nil
	}
	path := f.archive(f.b, "1.0.0")
	r := f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{path}}))(
		"the bootstrap node is done, and the cluster is not yet: configmap/metalk8s-solutions in namespace metalk8s-solutions: changed by someone else at the same time: …",
		"run the command again, or kubectl solution sync: it goes on where this one ended")
	f.equal("on the node", r.Node[0].Action, "imported")
	f.equal("written by others", n, 10)
	f.node.Before = nil
	f.ok(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{path}}))
	f.equal("catalog", f.versions(f.b), "1.0.0")
}

// The node has changed since the plan: it is computed again from what the node has now.
func TestNodeChanged(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	more := f.archive(f.a, "1.1.0")
	f.atCommit(func() {
		f.node.Configure(inprocess.Configuration([]string{f.node.Path(f.a + "-1.0.0.iso"), more}))
	})
	f.imported(f.a + " 1.2.0")
	f.equal("catalog", f.versions(f.a), "1.0.0 1.1.0 1.2.0")
	if !f.exists(clusterRole(f.a + ":1.1.0:" + f.a + "-nodes")) {
		t.Error("the ClusterRole of what was imported by hand is not there")
	}
}

// What would be destroyed besides, as nobody has been asked about, ends it.
func TestDestroyedBesides(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0")
	path := f.archive(f.a, "1.2.0")
	f.atCommit(func() { f.node.Configure(inprocess.Configuration([]string{f.node.Path(f.a + "-1.1.0.iso")})) })
	lost := "the bootstrap node does not list " + f.a + " 1.0.0 (" + f.node.Path(f.a+"-1.0.0.iso") + ") any more: the cluster would forget it"
	writes := f.writes(func() {
		f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{path}}))(
			"the bootstrap node is done, and the cluster is not yet: someone else changed the imported Solutions at the same time, and now this would happen too: "+lost,
			"run the command again, or kubectl solution sync: it goes on where this one ended")
	})
	f.equal("written", writes, []string{})
	f.equal("asked", len(f.observer.Asked), 0)
	// The same once more asks first.
	f.observer.Answer = func(*plan.Plan) error { return errNo }
	f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{path}}))(errNo.Error(), "")
	f.equal("asked", f.observer.Asked[0].Destroys, []string{lost})
	f.equal("catalog", f.versions(f.a), "1.0.0 1.1.0")
	f.observer.Answer = nil
	f.ok(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{path}}))
	f.equal("catalog", f.versions(f.a), "1.1.0 1.2.0")
}

// The helper cannot be reached: before the change nothing has happened, and when the plan is to be computed again the node is
// done.
func TestHelperGone(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	gone := errors.New("gone")
	f.node.Before = func(*protocol.Request) error { return gone }
	f.untouched(func() {
		f.failed(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a}))("bootstrap node (in process): gone", "")
	})
	f.node.Before = func(req *protocol.Request) error {
		if req.List != nil {
			return gone
		}
		if req.Changes() {
			f.edit(catalog, func(cm *corev1.ConfigMap) { cm.Annotations["theirs"] = "yes" })
		}
		return nil
	}
	f.failed(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a}))(
		"the bootstrap node is done, and the cluster is not yet: bootstrap node (in process): gone", "run the command again, or kubectl solution sync: it goes on where this one ended")
	f.node.Before = nil
	f.ok(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.a}))
	f.equal("catalog", f.versions(f.a), "1.0.0*")
}

// An archive that was listed by hand is taken with the next operation about its Solution, once it is checked; others are
// warned of.
func TestListedByHand(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	list := []string{f.node.Path(f.a + "-1.0.0.iso"), f.node.Path(f.b + "-1.0.0.iso")}
	byHand := f.node.Write("by-hand.iso", inprocess.Damage(t, f.image(f.a, "1.1.0")))
	f.node.Configure(inprocess.Configuration(append(slices.Clone(list), byHand)))
	o := action.ActivateOptions{Name: f.a, Version: "1.0.0"}
	f.untouched(func() {
		f.failed(f.solutions().Activate(t.Context(), o))("checking "+byHand+": …", "it was listed by hand: replace the file, or take its line out of …")
	})
	r := f.ok(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.b, Version: "1.0.0"}))
	f.equal("warnings", r.Warnings, []string{"the configuration of the bootstrap node was changed by hand for " + f.a + "; run kubectl solution sync so that the cluster follows"})
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "1.0.0; 1.0.0*")
	f.node.Write("by-hand.iso", f.image(f.a, "1.1.0"))
	f.ok(f.solutions().Activate(t.Context(), o))
	f.equal("catalog", f.versions(f.a), "1.0.0* 1.1.0")
}

// The address of the node is recorded where one is to be.
func TestRecordAddress(t *testing.T) {
	f := newFixture(t)
	s := f.solutions()
	s.Node.Record = "ssh://root@node"
	f.ok(s.Sync(t.Context(), action.Options{}))
	ns := &corev1.Namespace{}
	f.must(f.others.Get(t.Context(), client.ObjectKey{Name: v1alpha1.Namespace}, ns))
	f.equal("recorded", ns.Annotations[v1alpha1.BootstrapAnnotation], "ssh://root@node")
	f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	ns = &corev1.Namespace{}
	f.must(f.others.Get(t.Context(), client.ObjectKey{Name: v1alpha1.Namespace}, ns))
	f.equal("recorded, where none is to be", ns.Annotations[v1alpha1.BootstrapAnnotation], "")
}

// Someone writes the Environment's ConfigMap between the plan and the write: both edits are kept.
func TestEnvironmentConflict(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	target := f.environment(f.token + "-env")
	record := configMap(target.Environment, v1alpha1.EnvironmentConfigMap)
	f.observer.OnStep = func(string) {
		f.observer.OnStep = nil
		f.edit(record, func(cm *corev1.ConfigMap) { cm.Data[f.b] = "1.0.0" })
	}
	r := f.ok(f.environments().AddSolution(t.Context(), action.AddSolutionOptions{Target: target, Solution: f.a, Version: "1.0.0"}))
	f.equal("recorded", f.data(record), map[string]string{f.a: "1.0.0", f.b: "1.0.0"})
	f.equal("warnings", len(r.Warnings), 1) // that the Solution is not active, once
	if f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Error("what the other has recorded is deployed, and it is not this command's")
	}
	if !slices.Contains(f.observer.Steps, again) {
		t.Errorf("steps: %q", f.observer.Steps)
	}
	f.observer.OnStep = func(text string) {
		if strings.HasPrefix(text, "checking") {
			f.edit(record, func(cm *corev1.ConfigMap) { cm.Annotations["theirs"] += "x" })
		}
	}
	f.failed(f.environments().DeleteSolution(t.Context(), action.DeleteSolutionOptions{Target: target, Solution: f.a}))(
		"configmap/metalk8s-environment in namespace "+target.Environment+": changed by someone else at the same time: …", "")
	f.equal("recorded", f.data(record)[f.a], "1.0.0")
}
