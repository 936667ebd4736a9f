// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// world is a bootstrap node and a cluster, from which plans are computed and in
// which they are carried out.
type world struct {
	t       *testing.T
	node    plan.Node
	objects []*unstructured.Unstructured
	// documents are what archives hold of definitions.
	documents map[plan.VersionKey][]map[string]any
	// custom are the custom resources that exist, by definition.
	custom    map[string][]string
	uses      []plan.Use
	operators []plan.Operator
	endpoint  string
	// unreadable are the names of ConfigMaps that cannot be read.
	unreadable []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, documents: map[plan.VersionKey][]map[string]any{}, custom: map[string][]string{}, endpoint: "registry:5000"}
}

// imports lists an archive of a version on the node, with these definitions in
// it: "<name> <version>...".
func (w *world) imports(c *v1alpha1.Content, active bool, definitions ...string) *v1alpha1.Content {
	key := plan.VersionKey{Name: c.Name, Version: c.Version}
	for _, text := range definitions {
		words := strings.Fields(text)
		document := definitionDocument(words[0], words[1:]...)
		digest := v1alpha1.CRDDigest(document)
		c.CRDs = append(c.CRDs, v1alpha1.CRD{Name: words[0], Versions: words[1:], Served: words[1:], Storage: words[1], Digest: digest})
		w.documents[key] = append(w.documents[key], document)
	}
	w.node.Imported = append(w.node.Imported, plan.Imported{Content: c, Archive: "/" + c.ID + ".iso"})
	if active {
		w.activate(c.Name, c.Version)
	}
	return c
}

func (w *world) activate(name, version string) {
	for i := range w.node.Imported {
		if c := w.node.Imported[i].Content; c.Name == name {
			w.node.Imported[i].Active = c.Version == version
		}
	}
}

func (w *world) unimport(id string) {
	w.node.Imported = slices.DeleteFunc(w.node.Imported, func(i plan.Imported) bool { return i.Content.ID == id })
}

func definitionDocument(name string, versions ...string) map[string]any {
	plural, group, _ := strings.Cut(name, ".")
	var list []any
	for i, v := range versions {
		list = append(list, map[string]any{"name": v, "served": true, "storage": i == 0})
	}
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"group": group, "names": map[string]any{"plural": plural, "kind": "Kind"}, "versions": list},
	}
}

// input is what a command about these Solutions plans from, or one about all of
// them where none is named.
func (w *world) input(names ...string) plan.SolutionsInput {
	w.t.Helper()
	in := plan.SolutionsInput{Node: w.node, Endpoint: w.endpoint, Cluster: w.state(), Definitions: plan.NewLive()}
	for _, name := range names {
		if in.Names == nil {
			in.Names = map[string]bool{}
		}
		in.Names[name] = true
	}
	in.Documents = map[plan.VersionKey][]*unstructured.Unstructured{}
	for _, key := range in.NeedsDocuments(false) {
		w.read(&in, key)
	}
	in.Objects = map[string][]string{}
	for _, name := range in.ObsoleteDefinitions() {
		if len(w.custom[name]) > 0 {
			in.Objects[name] = w.custom[name]
		}
	}
	if in.NeedsBindings() {
		for _, u := range w.objects {
			if strings.HasSuffix(u.GetKind(), "Binding") {
				in.Cluster.Bindings = append(in.Cluster.Bindings, u)
			}
		}
	}
	return in
}

// read reads the definitions of a version out of its archive.
func (w *world) read(in *plan.SolutionsInput, key plan.VersionKey) {
	w.t.Helper()
	for _, i := range w.node.Imported {
		if i.Content.Name != key.Name || i.Content.Version != key.Version {
			continue
		}
		definitions, err := plan.Definitions(i.Content, w.documents[key])
		if err != nil {
			w.t.Fatal(err)
		}
		in.Documents[key] = definitions
		for _, d := range definitions {
			for _, u := range w.objects {
				if refOf(u) == refOf(d) {
					in.Definitions.Add(u)
				}
			}
		}
	}
}

func (w *world) state() plan.ClusterState {
	w.t.Helper()
	s := plan.ClusterState{
		Contents: map[plan.VersionKey]*v1alpha1.Content{}, ContentRecords: plan.NewLive(), ClusterRoles: plan.NewLive(),
		Records: map[string][]v1alpha1.SolutionRecord{}, Uses: w.uses, Operators: w.operators, Unreadable: w.unreadable,
	}
	for _, u := range w.objects {
		labels := u.GetLabels()
		switch u.GetKind() {
		case "Namespace":
			s.Namespace = u
		case "ClusterRole":
			s.ClusterRoles.Add(u)
		case "CustomResourceDefinition":
			if labels[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager {
				s.Definitions = append(s.Definitions, plan.LiveDefinition{
					Name: u.GetName(), Solution: labels[v1alpha1.PartOfLabel], Digest: u.GetAnnotations()[v1alpha1.DefinitionDigestAnnotation],
					Terminating: u.GetDeletionTimestamp() != nil,
				})
			}
		case "ConfigMap":
			w.configMap(&s, u)
		}
	}
	return s
}

func (w *world) configMap(s *plan.ClusterState, u *unstructured.Unstructured) {
	w.t.Helper()
	cm := &corev1.ConfigMap{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, cm); err != nil {
		w.t.Fatal(err)
	}
	if cm.Name == v1alpha1.SolutionsConfigMap {
		records, err := plan.DecodeRecords(cm.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		s.Catalog, s.Records = u, records
	}
	if _, isRecord := cm.Labels[v1alpha1.SolutionLabel]; !isRecord {
		return
	}
	s.ContentRecords.Add(u)
	if slices.Contains(w.unreadable, cm.Name) {
		return
	}
	c, err := plan.DecodeContent(cm)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Contents[plan.VersionKey{Name: c.Name, Version: c.Version}] = c
}

func (w *world) plan(in plan.SolutionsInput) *plan.Plan {
	w.t.Helper()
	p, err := plan.Solutions(in)
	if err != nil {
		w.t.Fatal(err)
	}
	checkPlan(w.t, p)
	return p
}

// sync plans for these Solutions, or for all, and carries the plan out. A second
// plan must be empty then. It returns the first.
func (w *world) sync(names ...string) *plan.Plan {
	w.t.Helper()
	in := w.input(names...)
	p := w.plan(in)
	w.carryOut(p)
	if again := w.plan(w.input(names...)); !again.WithoutRefused().IsEmpty() {
		w.t.Errorf("a second plan is not empty:\n%s", render(again))
	}
	return p
}

func (w *world) carryOut(p *plan.Plan) {
	w.t.Helper()
	var operators []plan.Change
	rest := *p.WithoutRefused()
	rest.Changes = slices.DeleteFunc(rest.Changes, func(c plan.Change) bool {
		if c.Method == plan.Patch {
			operators = append(operators, c)
		}
		return c.Method == plan.Patch
	})
	w.objects = carriedOut(w.t, w.objects, &rest)
	for _, c := range operators {
		digest := c.Manifest.GetAnnotations()[v1alpha1.ConfigDigestAnnotation]
		for i := range w.operators {
			o := &w.operators[i]
			switch {
			case o.Namespace != c.Object.Namespace || o.Solution != c.Scope.Solution:
			case c.Object.Kind == "ConfigMap":
				o.ConfigDigest = digest
			default:
				o.Digest = digest
			}
		}
	}
}

// object returns an object of the cluster, nil where it is not there.
func (w *world) object(kind, name string) *unstructured.Unstructured {
	for _, u := range w.objects {
		if u.GetKind() == kind && u.GetName() == name {
			return u
		}
	}
	return nil
}

// names returns the names of the objects of a kind, sorted.
func (w *world) names(kind string) []string {
	var list []string
	for _, u := range w.objects {
		if u.GetKind() == kind {
			list = append(list, u.GetName())
		}
	}
	slices.Sort(list)
	return list
}
