// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestDefinitions(t *testing.T) {
	document := definitionDocument("disks.example.com", "v1")
	document["metadata"] = map[string]any{"name": "disks.example.com", "creationTimestamp": nil, "labels": map[string]any{"own": "label", v1alpha1.PartOfLabel: "theirs"}}
	document["status"] = map[string]any{"storedVersions": []any{"v1"}}
	before, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	sample := map[string]any{"apiVersion": "x/v1", "kind": "Disk", "metadata": map[string]any{"name": "sample"}}
	c := solution("storage", "1.0.0+b3")
	c.CRDs = []v1alpha1.CRD{{Name: "other.example.com", Digest: "no"}, {Name: "disks.example.com", Digest: "yes"}}
	got, err := plan.Definitions(c, []map[string]any{sample, document})
	if err != nil || len(got) != 1 {
		t.Fatal(titles(got), err)
	}
	want := definitionDocument("disks.example.com", "v1")
	want["metadata"] = map[string]any{
		"name":        "disks.example.com",
		"labels":      map[string]any{"own": "label", v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: "storage", v1alpha1.VersionLabel: "1.0.0_b3"},
		"annotations": map[string]any{v1alpha1.DefinitionDigestAnnotation: "yes"},
	}
	if diff := cmp.Diff(want, got[0].Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	after, _ := json.Marshal(document)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("its argument has changed:\n%s", diff)
	}
	document["apiVersion"] = "apiextensions.k8s.io/v1beta1"
	_, err = plan.Definitions(c, []map[string]any{document})
	checkError(t, err, "CustomResourceDefinition disks.example.com of storage-1.0.0+b3 is apiextensions.k8s.io/v1beta1: Kubernetes 1.22 and later need apiextensions.k8s.io/v1")
}

// A placeholder for a certificate, which scaffolding leaves, is not applied.
func TestPlaceholderOfACertificate(t *testing.T) {
	injected := unstructuredOf(t, live(t, "edited"), "CustomResourceDefinition", "examples.example.com")
	certificate, _, _ := unstructured.NestedString(injected.Object, "spec", "conversion", "webhook", "clientConfig", "caBundle")
	for bundle, kept := range map[string]bool{"Cg==": false, "": false, certificate: true} {
		document := definitionDocument("disks.example.com", "v1")
		document["spec"].(map[string]any)["conversion"] = map[string]any{
			"strategy": "Webhook", "webhook": map[string]any{"clientConfig": map[string]any{"caBundle": bundle}},
		}
		got, err := plan.Definitions(solution("storage", "1"), []map[string]any{document})
		if err != nil {
			t.Fatal(err)
		}
		config := got[0].Object["spec"].(map[string]any)["conversion"].(map[string]any)["webhook"].(map[string]any)["clientConfig"].(map[string]any)
		if _, found := config["caBundle"]; found != kept {
			t.Errorf("%q is kept: %t", bundle, found)
		}
	}
}

// A certificate that an injector has filled in stays.
func TestInjectedCertificateIsKept(t *testing.T) {
	definition := readObjects(t, "testdata/live/definition.in")[0]
	in := plan.SolutionsInput{Cluster: newWorld(t).state(), Endpoint: "registry:5000"}
	c := content("1.0.0")
	c.CRDs = []v1alpha1.CRD{{Name: definition.GetName(), Served: []string{"v1"}}}
	in.Node.Imported = []plan.Imported{{Content: c, Archive: "/a.iso", Active: true}}
	key := plan.VersionKey{Name: c.Name, Version: c.Version}
	in.Documents = map[plan.VersionKey][]*unstructured.Unstructured{key: {definition}}
	in.Definitions = plan.NewLive(unstructuredOf(t, live(t, "edited"), "CustomResourceDefinition", definition.GetName()))
	changeOf := func() plan.Change {
		p, err := plan.Solutions(in)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Object.Kind == "CustomResourceDefinition" })
		return p.Changes[i]
	}
	c1 := changeOf()
	if got := renderChange(&c1); got != "none customresourcedefinition.apiextensions.k8s.io/examples.example.com @example-solution" {
		t.Errorf("without one in the archive: %s", got)
	}
	// With one in the archive, the injector's is kept all the same.
	path := []string{"spec", "conversion", "webhook", "clientConfig", "caBundle"}
	in.Documents[key] = []*unstructured.Unstructured{with(definition, "b3RoZXI=", path...)}
	c2 := changeOf()
	if got := renderChange(&c2); got != "none customresourcedefinition.apiextensions.k8s.io/examples.example.com @example-solution: kept spec.conversion.webhook.clientConfig.caBundle of cainjector" {
		t.Errorf("with one in the archive: %s", got)
	}
	// Where it does not convert by a webhook any more, it has to go first: the
	// API server would refuse what is left.
	in.Documents[key] = []*unstructured.Unstructured{with(definition, map[string]any{"strategy": "None"}, "spec", "conversion")}
	c3 := changeOf()
	if got := renderChange(&c3); got != "update customresourcedefinition.apiextensions.k8s.io/examples.example.com @example-solution: spec.conversion.strategy, spec.conversion.webhook, unset spec.conversion.webhook" {
		t.Errorf("without a webhook: %s", got)
	}
	patch, err := c3.UnsetPatch()
	if err != nil || string(patch) != `{"spec":{"conversion":{"strategy":"None","webhook":null}}}` {
		t.Errorf("%s, %v", patch, err)
	}
}

func TestUnsetPatch(t *testing.T) {
	c := plan.Change{Object: plan.Ref{Kind: "ConfigMap"}, Unset: [][]string{{"a", "b", "c"}, {"a", "d"}, {"e"}}}
	patch, err := c.UnsetPatch()
	if err != nil || string(patch) != `{"a":{"b":{"c":null},"d":null},"e":null}` {
		t.Errorf("%s, %v", patch, err)
	}
}

func TestDefinitionsOfOthers(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), true, "disks.example.com v1")
	w.imports(solution("web", "1.0.0"), true, "disks.example.com v1")
	// Both at once: one of them is refused, as it is once the other is there.
	both := w.plan(w.input())
	if diff := cmp.Diff([]string{"@web: customresourcedefinition.apiextensions.k8s.io/disks.example.com is deployed for Solution storage"}, refusals(both)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.carryOut(w.plan(w.input("storage")))
	want := []string{"@web: customresourcedefinition.apiextensions.k8s.io/disks.example.com exists, and belongs to Solution storage | to take it over: --adopt customresourcedefinition/disks.example.com"}
	in := w.input("web")
	if diff := cmp.Diff(want, refusals(w.plan(in))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	in.Options.Adopt = adoptTargets(t, "crd/disks.example.com")
	if got := refusals(w.plan(in)); len(got) > 0 {
		t.Errorf("adopted: %q", got)
	}
}

// The older tooling has applied definitions without labels of its own.
func TestDefinitionOfAStranger(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), true, "disks.example.com v1")
	w.objects = parseObjects(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: disks.example.com, managedFields: [{manager: OpenAPI-Generator, operation: Update}]}}`)
	want := []string{"@storage: customresourcedefinition.apiextensions.k8s.io/disks.example.com exists, and belongs to field manager OpenAPI-Generator | to take it over: --adopt customresourcedefinition/disks.example.com"}
	if diff := cmp.Diff(want, refusals(w.plan(w.input()))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFindings(t *testing.T) {
	const name = "disks.example.com"
	loss := plan.Finding{Kind: plan.Loss, Message: "field size is dropped", Objects: []string{"a", "b", "c", "d", "e", "f"}, Count: 8}
	risk := plan.Finding{Kind: plan.Risk, Message: "objects are sent to https://x"}
	notice := plan.Finding{Kind: plan.Notice, Message: "v1beta1 is not served any more"}
	impossible := plan.Finding{Kind: plan.Impossible, Message: "v1 is stored"}
	const prefix = "CustomResourceDefinition " + name + ": "
	const lossText = prefix + "field size is dropped (a, b, c, d, e and 3 more)"
	for title, tt := range map[string]struct {
		finding            plan.Finding
		options            plan.Options
		refusals, warnings []string
	}{
		"loss":           {finding: loss, refusals: []string{"@storage: " + lossText + " | to accept this: --accept-crd-loss " + name}},
		"loss accepted":  {finding: loss, options: plan.Options{AcceptLoss: []string{"x", name}}, warnings: []string{lossText}},
		"loss, not risk": {finding: loss, options: plan.Options{AcceptRisk: []string{name}}, refusals: []string{"@storage: " + lossText + " | to accept this: --accept-crd-loss " + name}},
		"risk":           {finding: risk, refusals: []string{"@storage: " + prefix + risk.Message + " | to accept this: --accept-crd-risk " + name}},
		"risk accepted":  {finding: risk, options: plan.Options{AcceptRisk: []string{name}}, warnings: []string{prefix + risk.Message}},
		"risk, not loss": {finding: risk, options: plan.Options{AcceptLoss: []string{name}}, refusals: []string{"@storage: " + prefix + risk.Message + " | to accept this: --accept-crd-risk " + name}},
		"notice":         {finding: notice, warnings: []string{prefix + notice.Message}},
		"impossible":     {finding: impossible, options: plan.Options{AcceptLoss: []string{name}, AcceptRisk: []string{name}}, refusals: []string{"@storage: " + prefix + impossible.Message + " | activate a version whose definition has it"}},
	} {
		w := newWorld(t)
		w.imports(solution("storage", "1.0.0"), true, name+" v1")
		in := w.input()
		in.Findings = map[string][]plan.Finding{name: {tt.finding}, "other": {impossible}}
		in.Options = tt.options
		p := w.plan(in)
		if diff := cmp.Diff([][]string{tt.refusals, tt.warnings}, [][]string{refusals(p), p.Warnings}); diff != "" {
			t.Errorf("%s: refusals and warnings -want +got:\n%s", title, diff)
		}
		if diff := cmp.Diff([]plan.Finding{tt.finding}, p.Definitions[0].Findings); diff != "" {
			t.Errorf("%s: -want +got:\n%s", title, diff)
		}
	}
	// What is deployed already is judged no more.
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), true, name+" v1")
	w.sync()
	in := w.input()
	in.Findings = map[string][]plan.Finding{name: {risk}}
	w.read(&in, plan.VersionKey{Name: "storage", Version: "1.0.0"})
	if p := w.plan(in); len(p.Refusals)+len(p.Warnings)+len(p.Definitions) > 0 {
		t.Error(render(p))
	}
}

// oldAndNew has version 1 with two definitions in the cluster, and version 2,
// which lacks one of them, active on the node.
func oldAndNew(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), true, "disks.example.com v1", "old.example.com v1")
	w.sync()
	w.imports(solution("storage", "2.0.0"), false, "disks.example.com v1")
	w.activate("storage", "2.0.0")
	return w
}

// dropLines are what becomes of definition old.example.com.
func dropLines(p *plan.Plan) []string {
	var lines []string
	for _, line := range strings.Split(render(p), "\n") {
		if strings.Contains(line, "old.example.com") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestDefinitionsThatTheActiveVersionLacks(t *testing.T) {
	const r = "customresourcedefinition.apiextensions.k8s.io/old.example.com @storage"
	for name, tt := range map[string]struct {
		custom []string
		uses   []plan.Use
		want   []string
	}{
		"nobody needs it": {want: []string{"delete " + r, "definition old.example.com of storage: delete [] -> [], 0 objects"}},
		"an Environment runs a version that has it": {
			uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}, {Environment: "e", Namespace: "f", Solution: "storage", Version: "1.0.0"}},
			want: []string{"keep " + r + " (needed by Environment e, which runs storage 1.0.0)"},
		},
		"one runs a version that has it not": {
			uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "2.0.0"}},
			want: []string{"delete " + r, "definition old.example.com of storage: delete [] -> [], 0 objects"},
		},
		"one runs a version that is not known": {
			uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "0.1"}},
			want: []string{"keep " + r + " (needed by Environment e, which runs storage 0.1)"},
		},
		"one runs another Solution": {
			uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "web", Version: "1.0.0"}},
			want: []string{"delete " + r, "definition old.example.com of storage: delete [] -> [], 0 objects"},
		},
		"objects exist": {
			custom: []string{"n/a"},
			want:   []string{"keep " + r + " (has 1 custom resource: n/a)"},
		},
		"many objects exist": {
			custom: []string{"n/a", "n/b", "n/c", "n/d", "n/e", "n/f", "n/g"},
			want:   []string{"keep " + r + " (has 7 custom resources: n/a, n/b, n/c, n/d, n/e and 2 more)"},
		},
	} {
		for _, names := range [][]string{{"storage"}, nil} {
			w := oldAndNew(t)
			w.uses = tt.uses
			w.custom["old.example.com"] = tt.custom
			if diff := cmp.Diff(tt.want, dropLines(w.plan(w.input(names...)))); diff != "" {
				t.Errorf("%s, about %q: -want +got:\n%s", name, names, diff)
			}
		}
	}
}

func TestDeactivation(t *testing.T) {
	const r = "customresourcedefinition.apiextensions.k8s.io/old.example.com @storage"
	deleted := func(objects string) []string {
		return []string{"delete " + r, "definition old.example.com of storage: delete [] -> [], " + objects + " objects"}
	}
	for name, tt := range map[string]struct {
		custom []string
		uses   []plan.Use
		names  []string
		// deactivate is the Solution that the command deactivates.
		deactivate string
		want       []string
	}{
		"nothing is lost":    {names: []string{"storage"}, deactivate: "storage", want: deleted("0")},
		"sync, nothing lost": {want: deleted("0")},
		"not what was asked for": {names: []string{"storage"}, want: append(deleted("0"),
			"destroys: the bootstrap node does not list Solution storage as active any more: CustomResourceDefinition old.example.com would be deleted")},
		"objects exist": {names: []string{"storage"}, deactivate: "storage", custom: []string{"n/a", "n/b"}, want: append(deleted("2"),
			"destroys: deleting CustomResourceDefinition old.example.com deletes 2 custom resources and everything they own: n/a, n/b")},
		"sync, objects exist": {custom: []string{"n/a"}, want: append(deleted("1"),
			"destroys: deleting CustomResourceDefinition old.example.com deletes 1 custom resource and everything it owns: n/a")},
		"it is needed": {
			names: []string{"storage"}, deactivate: "storage", uses: []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}},
			want: append(deleted("0"), "destroys: CustomResourceDefinition old.example.com is needed by Environment e, which runs storage 1.0.0"),
		},
		"another command": {names: []string{"web"}},
		"another Solution": {names: []string{"storage"}, deactivate: "web", want: append(deleted("0"),
			"destroys: the bootstrap node does not list Solution storage as active any more: CustomResourceDefinition old.example.com would be deleted")},
	} {
		w := oldAndNew(t)
		w.activate("storage", "")
		w.uses = tt.uses
		w.custom["old.example.com"] = tt.custom
		in := w.input(tt.names...)
		in.Deactivated = tt.deactivate
		if diff := cmp.Diff(tt.want, dropLines(w.plan(in))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// A definition that is being deleted already was asked about before.
func TestDefinitionThatIsBeingDeleted(t *testing.T) {
	now := metav1.Now()
	for title, tt := range map[string]struct {
		names      []string
		deactivate string
		want       []string
	}{
		"import":     {names: []string{"storage"}},
		"deactivate": {names: []string{"storage"}, deactivate: "storage", want: []string{"delete customresourcedefinition.apiextensions.k8s.io/old.example.com @storage", "definition old.example.com of storage: delete [] -> [], 0 objects"}},
		"sync":       {want: []string{"delete customresourcedefinition.apiextensions.k8s.io/old.example.com @storage", "definition old.example.com of storage: delete [] -> [], 0 objects"}},
	} {
		w := oldAndNew(t)
		w.activate("storage", "")
		w.uses = []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}}
		w.object("CustomResourceDefinition", "old.example.com").SetDeletionTimestamp(&now)
		in := w.input(tt.names...)
		in.Deactivated = tt.deactivate
		if diff := cmp.Diff(tt.want, dropLines(w.plan(in))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", title, diff)
		}
	}
	// It cannot be applied now.
	w := oldAndNew(t)
	w.activate("storage", "1.0.0")
	w.object("CustomResourceDefinition", "old.example.com").SetDeletionTimestamp(&now)
	if got := refusals(w.plan(w.input())); len(got) != 1 || !strings.Contains(got[0], "old.example.com is being deleted") {
		t.Errorf("%q", got)
	}
}

func TestNeedsServed(t *testing.T) {
	w := newWorld(t)
	w.imports(solution("storage", "1.0.0"), false, "disks.example.com v1alpha1 v1")
	second := w.imports(solution("storage", "2.0.0"), true, "disks.example.com v1 v2")
	second.CRDs[0].Served = []string{"v1"}
	third := w.imports(solution("storage", "3.0.0"), false, "disks.example.com v3")
	third.CRDs[0].Served = nil // as recorded by earlier versions of this project
	for _, tt := range []struct {
		runs, definition, version string
		want                      bool
	}{
		{"1.0.0", "disks.example.com", "v1alpha1", true},
		{"1.0.0", "disks.example.com", "v2", false},
		{"1.0.0", "other.example.com", "v1", false},
		{"2.0.0", "disks.example.com", "v1", false}, // it is the one that is activated
		{"3.0.0", "disks.example.com", "v3", true},
		{"4.0.0", "disks.example.com", "v1", false},
	} {
		w.uses = []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: tt.runs}, {Solution: "web", Version: "1.0.0"}}
		in := w.input()
		if got := in.NeedsServed(plan.VersionKey{Name: "storage", Version: "2.0.0"}, tt.definition, tt.version); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}
