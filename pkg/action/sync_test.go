// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

// Sync follows an edit by hand.
func TestSync(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	f.node.Configure(inprocess.Configuration([]string{f.archive(f.b, "1.0.0"), f.archive(f.b, "1.1.0")}, f.b, "latest"))
	r := f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "; 1.0.0 1.1.0*")
	f.equal("on the node", len(r.Node), 0)
	f.untouched(func() { f.ok(f.solutions().Sync(t.Context(), action.Options{})) })
	// The cluster has lost everything.
	for _, r := range []plan.Ref{catalog, configMap("metalk8s-solutions", "solution-"+f.b+"-1.0.0"), clusterRole(plan.DeployerRole), plan.DefinitionRef("disks." + f.b + ".example.com")} {
		f.delete(r)
	}
	f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	f.equal("catalog", f.versions(f.b), "1.0.0 1.1.0*")
	if !f.exists(clusterRole(plan.DeployerRole)) {
		t.Error("the ClusterRole is not there")
	}
}

// A Solution whose part is refused is left as it is, and the others go on: now, and in the next sync.
func TestSyncPartial(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0", f.b+" 1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	f.node.Configure(inprocess.Configuration([]string{f.node.Path(f.a + "-1.1.0.iso"), f.archive(f.b, "1.1.0")}))
	for range 2 {
		r := f.failed(f.solutions().Sync(t.Context(), action.Options{}))(
			f.a+" 1.0.0 is used by Environment "+target.Environment, "first remove it there: kubectl environment delete-solution "+target.Environment+" --solution "+f.a)
		f.equal("refusals", len(r.Plan.Refusals), 1)
		f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "1.0.0 1.1.0; 1.1.0")
		if !f.exists(clusterRole(f.a+":1.0.0:"+f.a+"-nodes")) || f.exists(clusterRole(f.b+":1.0.0:"+f.b+"-nodes")) {
			t.Error("the ClusterRoles are not those of the versions")
		}
	}
	f.untouched(func() { _, _ = f.solutions().Sync(t.Context(), action.Options{}) })
}

// Objects of others are refused, unless they are adopted.
func TestSyncForeign(t *testing.T) {
	f := newFixture(t)
	name := f.a + ":1.0.0:" + f.a + "-nodes"
	f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: '" + name + "', labels: {app.kubernetes.io/managed-by: Helm}}, rules: []}")
	f.node.Configure(inprocess.Configuration([]string{f.archive(f.a, "1.0.0"), f.archive(f.b, "1.0.0")}))
	const remedy = "to take it over: --adopt clusterrole/"
	f.failed(f.solutions().Sync(t.Context(), action.Options{}))("clusterrole.rbac.authorization.k8s.io/"+name+" exists, and belongs to Helm", remedy+name)
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "; 1.0.0")
	f.untouched(func() {
		f.failed(f.solutions().Import(t.Context(), action.ImportOptions{Archives: []string{f.node.Path(f.a + "-1.0.0.iso")}}))(
			"clusterrole.rbac.authorization.k8s.io/"+name+" exists, and belongs to Helm", remedy+name)
	})
	target, err := plan.ParseAdoptTarget("clusterrole/" + name)
	f.must(err)
	r := f.ok(f.solutions().Sync(t.Context(), action.Options{Options: plan.Options{Adopt: []plan.AdoptTarget{target}}}))
	f.equal("catalog", f.versions(f.a), "1.0.0")
	for _, c := range r.Changes {
		if c.Object.Name == name && c.Adopted != "Helm" {
			t.Errorf("%+v", c)
		}
	}
	f.untouched(func() { f.ok(f.solutions().Sync(t.Context(), action.Options{})) })
}

// What the node cannot tell now stays as the cluster has it.
func TestSyncProblems(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	f.activated(f.a, "1.0.0")
	f.must(os.Rename(f.node.Path(f.a+"-1.0.0.iso"), f.node.Path("away")))
	// Beside it, the active version cannot be told.
	r := f.failed(f.solutions().Sync(t.Context(), action.Options{}))("2 problems remain on the bootstrap node (see above)", "bring the archives back, or take them out: kubectl solution unimport ARCHIVE")
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "1.0.0*; 1.0.0")
	if len(r.Warnings) < 2 || !strings.Contains(r.Warnings[0], "no such file") {
		t.Errorf("warnings: %q", r.Warnings)
	}
	// A blob is damaged: the dry run in the sync finds it, and the sync takes it for what it is.
	f.node.Write(f.a+"-1.0.0.iso", inprocess.Damage(t, f.image(f.a, "1.0.0")))
	r = f.failed(f.solutions().Sync(t.Context(), action.Options{}))("2 problems remain on the bootstrap node (see above)", "bring the archives back, …")
	if len(r.Warnings) < 2 || !strings.Contains(r.Warnings[0], "digest") {
		t.Errorf("warnings: %q", r.Warnings)
	}
	f.equal("catalog", f.versions(f.a), "1.0.0*")
	f.must(os.Rename(f.node.Path("away"), f.node.Path(f.a+"-1.0.0.iso")))
	f.untouched(func() { f.ok(f.solutions().Sync(t.Context(), action.Options{})) })
	f.node.Configure("kind: Deployment\n")
	f.untouched(func() {
		if _, err := f.solutions().Sync(t.Context(), action.Options{}); err == nil {
			t.Error("a configuration of another kind was taken")
		}
	})
}

// Records that cannot be read end every operation but a sync, which writes them again.
func TestUnreadable(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	record := configMap("metalk8s-solutions", "solution-"+f.a+"-1.0.0")
	f.edit(catalog, func(cm *corev1.ConfigMap) { cm.Data[f.a] = "[{" })
	f.delete(record)
	f.create("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: metalk8s-solutions, name: solution-" + f.a + "-1.0.0, labels: {solutions.metalk8s.scality.com/solution: " + f.a + "}}}")
	f.untouched(func() {
		f.failed(f.solutions().Activate(t.Context(), action.ActivateOptions{Name: f.b}))(
			"namespace metalk8s-solutions: reading key "+f.a+" of ConfigMap metalk8s-solutions: …", "kubectl solution sync writes it again, from what is imported on the bootstrap node")
	})
	r := f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	f.equal("catalog", f.versions(f.a)+"; "+f.versions(f.b), "1.0.0; 1.0.0")
	if len(f.observer.Notes) != 1 || !strings.HasPrefix(f.observer.Notes[0], "writing again what cannot be read: ") {
		t.Errorf("notes: %q", f.observer.Notes)
	}
	if f.data(record)["content.json"] == "" {
		t.Errorf("changes: %q", lines(r))
	}
	f.untouched(func() { f.ok(f.solutions().Sync(t.Context(), action.Options{})) })
}

// Another endpoint of the registry is told to every Operator, and only where it changes.
func TestSyncEndpoint(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	f.node.Endpoint = "other.example.com"
	r := f.ok(f.solutions().Sync(t.Context(), action.Options{}))
	f.equal("changes", lines(r), []string{
		"update configmap/" + f.a + "-operator-config in namespace " + target.Environment, "update configmap/metalk8s-solutions in namespace metalk8s-solutions",
		"update deployment.apps/" + f.a + "-operator in namespace " + target.Environment,
	})
	if text := f.data(configMap(target.Environment, f.a+"-operator-config"))["operator.yaml"]; !strings.Contains(text, "other.example.com/"+f.a+"-1.0.0") {
		t.Error(text)
	}
	f.untouched(func() { f.ok(f.solutions().Sync(t.Context(), action.Options{})) })
}
