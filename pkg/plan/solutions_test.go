// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestImportOfTheFirstVersion(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager"), role("leader")), true, "disks.example.com v1")
	in := w.input("storage")
	in.Bootstrap = "ssh://node"
	in.Changes = []plan.NodeChange{{Subject: "/storage-1.0.0.iso", ID: "storage-1.0.0", Action: "imported"}}
	expect(t, w.plan(in), `
		node: imported /storage-1.0.0.iso
		create namespace/metalk8s-solutions
		create configmap/solution-storage-1.0.0 @storage
		create clusterrole.rbac.authorization.k8s.io/storage:1.0.0:manager @storage
		create clusterrole.rbac.authorization.k8s.io/manager @storage
		create clusterrole.rbac.authorization.k8s.io/solutions:deployer
		create customresourcedefinition.apiextensions.k8s.io/disks.example.com @storage
		create configmap/metalk8s-solutions by put
		definition disks.example.com of storage: create [] -> ["v1"], -1 objects
		images of storage-1.0.0: 1, 10 bytes`)
}

func TestImportAgain(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager"), role("leader")), true, "disks.example.com v1")
	w.operators = []plan.Operator{{Environment: "e", Namespace: "e", Solution: "storage"}}
	w.sync("storage")
	in := w.input("storage")
	if keys := in.NeedsDocuments(false); len(keys) > 0 {
		t.Errorf("the definitions of %v are read, and are deployed as they are", keys)
	}
	if keys := in.NeedsDocuments(true); len(keys) != 1 || keys[0] != (plan.VersionKey{Name: "storage", Version: "1.0.0"}) {
		t.Errorf("to compare, %v are read", keys)
	}
	p := w.plan(in)
	expect(t, p, "9 unchanged")
	for _, c := range p.Changes {
		if c.Wait != plan.WaitNothing {
			t.Errorf("%s is waited for", c.Object)
		}
	}
}

// Definitions that are read again, to compare them.
func TestActivateAgain(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), true, "disks.example.com v1")
	w.sync("storage")
	in := w.input("storage")
	w.read(&in, plan.VersionKey{Name: "storage", Version: "1.0.0"})
	p := w.plan(in)
	expect(t, p, "5 unchanged")
	for _, c := range p.Changes {
		if c.Wait != plan.WaitNothing {
			t.Errorf("%s is waited for", c.Object)
		}
	}
	for i, u := range w.objects {
		if u.GetKind() == "CustomResourceDefinition" {
			w.objects[i] = with(u, []any{}, "spec", "versions")
		}
	}
	in = w.input("storage")
	w.read(&in, plan.VersionKey{Name: "storage", Version: "1.0.0"})
	expect(t, w.plan(in), `
		update customresourcedefinition.apiextensions.k8s.io/disks.example.com @storage: spec.versions
		4 unchanged
		definition disks.example.com of storage: update [] -> ["v1"], -1 objects`)
}

func TestImportOfTheSecondVersion(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), true, "disks.example.com v1")
	w.sync("storage")
	w.operators = []plan.Operator{
		{Environment: "e", Namespace: "e", Solution: "storage", Digest: "1", ConfigDigest: "1"}, {Environment: "f", Namespace: "f", Solution: "web"},
	}
	w.imports(solution("storage", "2.0.0", clusterRole("manager")), false, "disks.example.com v1 v2")
	expect(t, w.sync("storage"), `
		create configmap/solution-storage-2.0.0 @storage
		create clusterrole.rbac.authorization.k8s.io/storage:2.0.0:manager @storage
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		update configmap/metalk8s-solutions by put: data.storage
		update configmap/storage-operator-config @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], data[operator.yaml]
		update deployment.apps/storage-operator @storage/e by patch: metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		5 unchanged
		images of storage-2.0.0: 1, 10 bytes`)
	// As long as nobody activates it, its definitions are not deployed.
	if got := w.state().Records["storage"]; len(got) != 2 || !got[0].Active || got[1].Active {
		t.Errorf("records %+v", got)
	}
}

func TestActivationOfAnotherVersion(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager"), clusterRole("old")), true, "disks.example.com v1", "old.example.com v1")
	w.imports(solution("storage", "2.0.0", clusterRole("manager")), false, "disks.example.com v1 v2", "new.example.com v1")
	w.sync("storage")
	w.activate("storage", "2.0.0")
	expect(t, w.sync("storage"), `
		update clusterrole.rbac.authorization.k8s.io/manager @storage: metadata.labels
		update customresourcedefinition.apiextensions.k8s.io/disks.example.com @storage: metadata.annotations[solutions.metalk8s.scality.com/definition-digest], metadata.labels, spec.versions
		create customresourcedefinition.apiextensions.k8s.io/new.example.com @storage
		delete customresourcedefinition.apiextensions.k8s.io/old.example.com @storage
		update configmap/metalk8s-solutions by put: data.storage
		delete clusterrole.rbac.authorization.k8s.io/old @storage (no longer wanted)
		7 unchanged
		definition disks.example.com of storage: update ["v1"] -> ["v1" "v2"], -1 objects
		definition new.example.com of storage: create [] -> ["v1"], -1 objects
		definition old.example.com of storage: delete [] -> [], 0 objects`)
	w.activate("storage", "1.0.0")
	expect(t, w.sync("storage"), `
		update clusterrole.rbac.authorization.k8s.io/manager @storage: metadata.labels
		create clusterrole.rbac.authorization.k8s.io/old @storage
		update customresourcedefinition.apiextensions.k8s.io/disks.example.com @storage: metadata.annotations[solutions.metalk8s.scality.com/definition-digest], metadata.labels, spec.versions
		create customresourcedefinition.apiextensions.k8s.io/old.example.com @storage
		delete customresourcedefinition.apiextensions.k8s.io/new.example.com @storage
		update configmap/metalk8s-solutions by put: data.storage
		7 unchanged
		definition disks.example.com of storage: update ["v1" "v2"] -> ["v1"], -1 objects
		definition old.example.com of storage: create [] -> ["v1"], -1 objects
		definition new.example.com of storage: delete [] -> [], 0 objects`)
}

func TestUnimport(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), false)
	w.imports(solution("storage", "2.0.0", clusterRole("manager")), false)
	w.sync("storage")
	w.unimport("storage-1.0.0")
	in := w.input("storage")
	in.Changes = []plan.NodeChange{{Subject: "/storage-1.0.0.iso", ID: "storage-1.0.0", Action: "unimported"}}
	p := w.plan(in)
	expect(t, p, `
		node: unimported /storage-1.0.0.iso
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		update configmap/metalk8s-solutions by put: data.storage
		delete configmap/solution-storage-1.0.0 @storage
		delete clusterrole.rbac.authorization.k8s.io/storage:1.0.0:manager @storage (no longer wanted)
		3 unchanged`)
	w.carryOut(p)
	w.unimport("storage-2.0.0")
	in = w.input("storage")
	in.Changes = []plan.NodeChange{{Subject: "/storage-2.0.0.iso", Action: "unimported"}}
	expect(t, w.plan(in), `
		node: unimported /storage-2.0.0.iso
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		update configmap/metalk8s-solutions by put: data.storage
		delete configmap/solution-storage-2.0.0 @storage
		delete clusterrole.rbac.authorization.k8s.io/storage:2.0.0:manager @storage (no longer wanted)
		1 unchanged`)
}

// What an Environment runs stays, also where the cluster has lost its record of
// it.
func TestUnimportOfWhatIsUsed(t *testing.T) {
	for name, tt := range map[string]struct {
		uses   []plan.Use
		forget bool
	}{
		"used":                       {uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}}},
		"used in two":                {uses: []plan.Use{{Environment: "E", Namespace: "ns", Solution: "storage", Version: "1.0.0"}, {Environment: "f", Namespace: "f", Solution: "storage", Version: "1.0.0"}}},
		"another version is used":    {uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "2.0.0"}}},
		"another Solution is used":   {uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "web", Version: "1.0.0"}}},
		"used, and nothing is known": {uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}}, forget: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(solution("storage", "1.0.0"), false)
			w.sync()
			w.uses = tt.uses
			if tt.forget {
				w.objects = nil
			}
			w.unimport("storage-1.0.0")
			in := w.input("storage")
			in.Changes = []plan.NodeChange{{Subject: "/storage-1.0.0.iso", ID: "storage-1.0.0", Action: "unimported"}}
			got := refusals(w.plan(in))
			want := map[string][]string{
				"used":        {"@storage: storage 1.0.0 is used by Environment e | first remove it there: kubectl environment delete-solution e --solution storage"},
				"used in two": {"@storage: storage 1.0.0 is used by Environment E/ns, f | first remove it there: kubectl environment delete-solution E --namespace ns --solution storage"},
			}
			want["used, and nothing is known"] = want["used"]
			if diff := cmp.Diff(want[name], got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The address of the bootstrap node is recorded where somebody has annotated
// another one: what the user names is meant.
func TestAddressThatSomebodyRecorded(t *testing.T) {
	w := newWorld(t)
	w.objects = parseObjects(t, `
		{apiVersion: v1, kind: Namespace, metadata: {name: metalk8s-solutions,
		  labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: metalk8s},
		  annotations: {solutions.metalk8s.scality.com/bootstrap: "ssh://other"},
		  managedFields: [{manager: kubectl-annotate, operation: Update, apiVersion: v1, fieldsType: FieldsV1,
		    fieldsV1: {"f:metadata": {"f:annotations": {"f:solutions.metalk8s.scality.com/bootstrap": {}}}}}]}}`)
	in := w.input()
	in.Bootstrap = "ssh://node"
	const want = "update namespace/metalk8s-solutions force: metadata.annotations[solutions.metalk8s.scality.com/bootstrap]"
	if got := strings.Split(render(w.plan(in)), "\n"); !slices.Contains(got, want) {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), want)
	}
}

// A plan for everything leaves alone what it is refused for, records included,
// and does the rest.
func TestSyncWithoutWhatIsUsed(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), true, "disks.example.com v1")
	w.sync()
	w.uses = []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}}
	w.unimport("storage-1.0.0")
	w.imports(solution("web", "1.0.0"), false)
	before := w.state().Records["storage"]
	p := w.plan(w.input())
	if got := refusals(p); len(got) != 1 || len(p.Destroys) > 0 {
		t.Errorf("refused: %q, asks about: %q", got, p.Destroys)
	}
	w.carryOut(p)
	after := w.state()
	if diff := cmp.Diff(before, after.Records["storage"]); diff != "" || len(after.Records["web"]) != 1 {
		t.Errorf("records of storage: -want +got:\n%s\nof web: %v", diff, after.Records["web"])
	}
	if w.object("ClusterRole", "storage:1.0.0:manager") == nil || w.object("CustomResourceDefinition", "disks.example.com") == nil {
		t.Error("what is used is gone")
	}
}

// What the API server refuses is found later, and is no different.
func TestRecordsOfWhatIsRefusedLater(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.sync()
	w.activate("storage", "1.0.0")
	w.imports(solution("web", "1.0.0"), false)
	before := w.state().Records["storage"]
	p := w.plan(w.input())
	p.Refusals = append(p.Refusals, plan.Refusal{Scope: plan.Scope{Solution: "storage"}, Message: "frozen"})
	w.carryOut(p)
	after := w.state()
	if diff := cmp.Diff(before, after.Records["storage"]); diff != "" || len(after.Records["web"]) != 1 {
		t.Errorf("records of storage: -want +got:\n%s\nof web: %v", diff, after.Records["web"])
	}
	p.Refusals = append(p.Refusals, plan.Refusal{Scope: plan.Scope{Solution: "web"}, Message: "frozen"})
	for _, c := range p.WithoutRefused().Changes {
		if c.Stage == plan.StageCatalog && c.Writes() {
			t.Errorf("the catalog is written: %v", c.Fields)
		}
	}
}

func refusals(p *plan.Plan) []string {
	var lines []string
	for _, line := range strings.Split(render(p), "\n") {
		if rest, ok := strings.CutPrefix(line, "refused"); ok {
			lines = append(lines, strings.TrimLeft(rest, ": "))
		}
	}
	return lines
}

// A node that has lost its configuration, or another node, must not make the
// cluster forget what it knows without a question.
func TestVersionsThatTheNodeDoesNotListAnyMore(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), true, "disks.example.com v1")
	w.imports(solution("web", "1.0.0"), false)
	w.sync()
	w.node = plan.Node{}
	w.imports(solution("storage", "2.0.0"), false)
	in := w.input("storage")
	in.Changes = []plan.NodeChange{
		{Subject: "/storage-2.0.0.iso", ID: "storage-2.0.0", Action: "imported"},
		{Subject: "/storage-1.0.0.iso", ID: "storage-1.0.0", Action: "unmounted"},
	}
	expect(t, w.plan(in), `
		node: imported /storage-2.0.0.iso
		node: unmounted /storage-1.0.0.iso
		create configmap/solution-storage-2.0.0 @storage
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		delete customresourcedefinition.apiextensions.k8s.io/disks.example.com @storage
		update configmap/metalk8s-solutions by put: data.storage
		delete configmap/solution-storage-1.0.0 @storage
		delete clusterrole.rbac.authorization.k8s.io/manager @storage (no longer wanted)
		delete clusterrole.rbac.authorization.k8s.io/storage:1.0.0:manager @storage (no longer wanted)
		1 unchanged
		definition disks.example.com of storage: delete [] -> [], 0 objects
		images of storage-2.0.0: 1, 10 bytes
		destroys: the bootstrap node does not list storage 1.0.0 (/storage-1.0.0.iso) any more: the cluster would forget it
		destroys: the bootstrap node does not list Solution storage as active any more: CustomResourceDefinition disks.example.com would be deleted
		warning: the configuration of the bootstrap node was changed by hand for web; run kubectl solution sync so that the cluster follows`)
	// A command about everything says by that what is wanted.
	if p := w.plan(w.input()); slices.ContainsFunc(p.Destroys, func(text string) bool { return strings.Contains(text, "forget") }) {
		t.Error(render(p))
	}
}

// An archive that cannot be read now is not one that was removed.
func TestUnreadableArchivesKeepWhatIsKnown(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), true, "disks.example.com v1")
	w.imports(solution("web", "1.0.0", clusterRole("manager")), true, "sites.example.com v1")
	w.sync()
	w.unimport("storage-1.0.0")
	w.node.Unreadable, w.node.Unresolved = []string{"/storage-1.0.0.iso"}, []string{"storage"}
	for _, names := range [][]string{nil, {"storage"}, {"web"}} {
		p := w.sync(names...)
		if !p.IsEmpty() || len(p.Destroys)+len(p.Refusals) > 0 {
			t.Errorf("about %v:\n%s", names, render(p))
		}
	}
	in := w.input("storage")
	if got := in.ObsoleteDefinitions(); len(got) > 0 {
		t.Errorf("%q would be counted", got)
	}
	if active, names := in.Active(); len(active) != 0 || !slices.Equal(names, []string{"storage"}) {
		t.Errorf("active %v of %q", active, names)
	}
}

// What concerns other Solutions stays, though the node has it otherwise.
func TestOtherSolutionsAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0", clusterRole("manager")), true, "disks.example.com v1")
	w.imports(solution("web", "1.0.0", clusterRole("web-manager"), role("leader")), true, "sites.example.com v1")
	w.sync()
	w.activate("web", "none")
	w.imports(solution("web", "2.0.0", clusterRole("web-manager")), false)
	w.imports(solution("mail", "1.0.0"), false)
	w.imports(solution("storage", "2.0.0", clusterRole("manager")), false)
	expect(t, w.sync("storage"), `
		create configmap/solution-storage-2.0.0 @storage
		create clusterrole.rbac.authorization.k8s.io/storage:2.0.0:manager @storage
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		update configmap/metalk8s-solutions by put: data.storage
		5 unchanged
		images of storage-2.0.0: 1, 10 bytes
		warning: the configuration of the bootstrap node was changed by hand for mail, web; run kubectl solution sync so that the cluster follows`)
	if got := w.state().Records; len(got["web"]) != 1 || !got["web"][0].Active || got["mail"] != nil {
		t.Errorf("records %+v", got)
	}
}

// Of another Solution even a record that nothing refers to stays; that another
// version of it is active now is told.
func TestOtherSolutionsAreNotCleanedUp(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.imports(solution("web", "1.0.0"), true)
	w.sync()
	orphan, err := plan.ContentConfigMap(solution("mail", "1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	w.objects = append(w.objects, orphan)
	w.activate("web", "")
	expect(t, w.plan(w.input("storage")), `
		4 unchanged
		warning: the configuration of the bootstrap node was changed by hand for web; run kubectl solution sync so that the cluster follows`)
	if got := deletions(w.plan(w.input("mail"))); len(got) != 1 || got[0] != "delete configmap/solution-mail-1.0.0 @mail" {
		t.Errorf("%q", got)
	}
}

// Ids do not tell versions apart: "a-b" 1 and "a" b-1 have the same.
func TestIDsThatCollide(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("a", "b-1"), false)
	w.sync()
	w.imports(solution("a-b", "1"), false)
	expect(t, w.plan(w.input("a-b")), `
		3 unchanged
		images of a-b-1: 1, 10 bytes
		refused @a-b: configmap/solution-a-b-1 in namespace metalk8s-solutions records another version, whose id is also a-b-1`)
	both := newWorld(t)
	both.imports(solution("a", "b-1"), false)
	both.imports(solution("a-b", "1"), false)
	expect(t, both.plan(both.input()), `
		create namespace/metalk8s-solutions
		create configmap/solution-a-b-1 @a
		create clusterrole.rbac.authorization.k8s.io/solutions:deployer
		create configmap/metalk8s-solutions by put
		images of a-b-1: 1, 10 bytes
		images of a-b-1: 1, 10 bytes
		refused @a-b: a b-1 and a-b 1 have the same id, a-b-1: one of them only can be imported`)
}

// A record is immutable: other content replaces it.
func TestContentThatDiffers(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.sync()
	w.unimport("storage-1.0.0")
	w.imports(solution("storage", "1.0.0", role("leader")), false)
	expect(t, w.sync("storage"), `
		replace configmap/solution-storage-1.0.0 @storage (its content differs, and is immutable)
		update clusterrole.rbac.authorization.k8s.io/solutions:deployer: rules
		2 unchanged`)
}

func TestRecordsThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.imports(solution("web", "1.0.0"), false)
	w.sync()
	w.unimport("web-1.0.0")
	w.unreadable = []string{"solution-storage-1.0.0", "solution-web-1.0.0"}
	expect(t, w.plan(w.input("storage", "web")), `
		update configmap/metalk8s-solutions by put: data.web
		2 unchanged
		destroys: the bootstrap node does not list web 1.0.0 (/web-1.0.0.iso) any more: the cluster would forget it
		refused @storage: configmap/solution-storage-1.0.0 in namespace metalk8s-solutions cannot be read | kubectl solution sync writes it again, from what is imported on the bootstrap node`)
	in := w.input()
	in.Repair = true
	expect(t, w.plan(in), `
		replace configmap/solution-storage-1.0.0 @storage (its content differs, and is immutable)
		update configmap/metalk8s-solutions by put: data.web
		delete configmap/solution-web-1.0.0 @web
		2 unchanged`)
}

func TestNamespaceThatIsBeingDeleted(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.sync()
	now := metav1.Now()
	w.object("Namespace", "metalk8s-solutions").SetDeletionTimestamp(&now)
	p := w.plan(w.input("storage"))
	if got := refusals(p); len(got) != 1 || !strings.HasPrefix(got[0], "namespace/metalk8s-solutions is being deleted | wait until it is gone: kubectl wait --for=delete namespace/metalk8s-solutions") {
		t.Errorf("%q", got)
	}
	if len(p.WithoutRefused().Changes) > 0 {
		t.Error("and still something is done")
	}
}

// The namespace is this project's by its name: older tooling labelled it little.
func TestNamespaceOfOlderTooling(t *testing.T) {
	for labels, want := range map[string]string{
		`{}`: "update namespace/metalk8s-solutions force: metadata.annotations, metadata.labels",
		`{app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: metalk8s}`: "update namespace/metalk8s-solutions force: metadata.annotations, metadata.labels",
		`{app.kubernetes.io/managed-by: Helm}`:                                      "refused: namespace/metalk8s-solutions exists, and belongs to Helm | to take it over: --adopt namespace/metalk8s-solutions",
	} {
		w := newWorld(t)
		w.objects = parseObjects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: metalk8s-solutions, labels: `+labels+`}}`)
		in := w.input()
		in.Bootstrap = "ssh://node"
		if got := strings.Split(render(w.plan(in)), "\n"); !slices.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %s", labels, strings.Join(got, "\n"), want)
		}
	}
	w := newWorld(t)
	w.objects = parseObjects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: metalk8s-solutions, labels: {app.kubernetes.io/managed-by: Helm}}}`)
	in := w.input()
	in.Options.Adopt = adoptTargets(t, "ns/metalk8s-solutions")
	if got := refusals(w.plan(in)); len(got) > 0 {
		t.Errorf("adopted: %q", got)
	}
}

func TestCatalogChange(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.objects = parseObjects(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: metalk8s-solutions, namespace: metalk8s-solutions, resourceVersion: "42", labels: {own: label}, annotations: {own: annotation}}
data: {web: '[{"name":"Web","id":"web-1","version":"1","active":false,"archive":"/web-1.iso","mountpoint":"","manifest":null}]'}`)
	p := w.plan(w.input("storage"))
	i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Object.Name == "metalk8s-solutions" && c.Object.Kind == "ConfigMap" })
	c := p.Changes[i]
	if got, want := renderChange(&c), "update configmap/metalk8s-solutions by put: metadata.labels, metadata.annotations[solutions.metalk8s.scality.com/registry-endpoint], data.storage"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if c.Manifest.GetResourceVersion() != "42" || c.Manifest.GetLabels()["own"] != "label" || c.Manifest.GetAnnotations()["own"] != "annotation" {
		t.Errorf("%v", c.Manifest.Object)
	}
	// The key of another Solution is as it was, byte by byte.
	if diff := cmp.Diff(c.Live.Object["data"].(map[string]any)["web"], c.Manifest.Object["data"].(map[string]any)["web"]); diff != "" {
		t.Errorf("-live +written:\n%s", diff)
	}
	if _, found := c.Live.GetAnnotations()[v1alpha1.RegistryEndpointAnnotation]; found {
		t.Error("the live object has changed")
	}
}

func TestPutConfigMap(t *testing.T) {
	cm := parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: n, resourceVersion: "1", labels: {a: b}}, data: {k: v}}`)[0]
	for name, tt := range map[string]struct {
		edit change
		want string
	}{
		"the same":      {set(`"1"`, "metadata", "resourceVersion"), "none configmap/c"},
		"another":       {set(`"w"`, "data", "k"), "update configmap/c by put: data.k"},
		"one more":      {set(`"w"`, "data", "l.m"), "update configmap/c by put: data[l.m]"},
		"one less":      {set(`null`, "data", "k"), "update configmap/c by put: data.k"},
		"a label":       {set(`null`, "metadata", "labels"), "update configmap/c by put: metadata.labels"},
		"an annotation": {set(`"x"`, "metadata", "annotations", "a"), "update configmap/c by put: metadata.annotations.a"},
	} {
		c := plan.PutConfigMap(tt.edit(cm), cm, plan.Scope{})
		if got := renderChange(&c); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	c := plan.PutConfigMap(cm, nil, plan.Scope{Solution: "s"})
	if got := renderChange(&c); got != "create configmap/c @s by put" || c.Stage != plan.StageRecord {
		t.Errorf("%s", got)
	}
}

func TestPutNamespace(t *testing.T) {
	ns := parseObjects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: e, labels: {theirs: x, solutions.metalk8s.scality.com/environment: e}, annotations: {solutions.metalk8s.scality.com/environment-description: d}}}`)[0]
	for description, want := range map[string]string{
		"d": "none namespace/e",
		"e": "update namespace/e by patch: metadata.annotations[solutions.metalk8s.scality.com/environment-description]",
	} {
		c := plan.PutNamespace(plan.EnvironmentNamespace("e", "e", description), ns)
		if got := renderChange(&c); got != want {
			t.Errorf("%s: %s, want %s", description, got, want)
		}
	}
	c := plan.PutNamespace(plan.EnvironmentNamespace("e", "e", ""), nil)
	if got := renderChange(&c); got != "create namespace/e by put" || c.Stage != plan.StageNamespace {
		t.Errorf("%s", got)
	}
}

func TestImagesThatAreNew(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false)
	w.sync()
	second := solution("storage", "2.0.0")
	second.Images = append(second.Images, v1alpha1.Image{ImageName: v1alpha1.ImageName{Name: "b", Tag: "1"}, Size: 32})
	w.imports(second, false)
	w.imports(solution("web", "1.0.0"), false)
	if got, want := w.plan(w.input("storage")).Images, []plan.ImageTotal{{ID: "storage-2.0.0", Count: 2, Bytes: 42}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Records that do not fit, and endpoints that are none, are errors.
func TestSolutionsErrors(t *testing.T) {
	w := newWorld(t)
	w.endpoint = "https://registry"
	_, err := plan.Solutions(w.input())
	checkError(t, err, "https://registry")
	w = newWorld(t)
	c := solution("storage", "1.0.0")
	c.DisplayName = strings.Repeat("x", 1<<20)
	w.imports(c, false)
	_, err = plan.Solutions(w.input())
	checkError(t, err, "storage-1.0.0", "bytes")
}
