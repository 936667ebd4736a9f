// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// catalogMap is one that older tooling wrote: no endpoint, fields that are not
// known here.
func catalogMap() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.Namespace, Name: v1alpha1.SolutionsConfigMap},
		Data: map[string]string{
			"storage": `[{"name":"Storage","id":"storage-1.10.0","version":"1.10.0","active":true,"archive":"/b.iso","extra":1},{"name":"Storage","version":"1.9.0","archive":"/a.iso"}]`,
		},
	}
}

// One test for what there is one of in a cluster.
func TestCatalog(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	if address, err := f.reader.BootstrapAddress(ctx); err != nil || address != "" {
		t.Errorf("without a namespace: address %q, %v", address, err)
	}
	catalog, err := f.reader.Catalog(ctx)
	if err != nil || catalog.ConfigMap != nil || catalog.Records == nil || len(catalog.Records) > 0 {
		t.Fatalf("without a namespace: %+v, %v", catalog, err)
	}
	if err := f.reader.WriteCatalog(ctx, catalogMap(), cluster.WriteOptions{}); !apierrors.IsNotFound(err) || cluster.IsConflict(err) {
		t.Errorf("writing without a namespace: %v", err)
	}
	f.solutionsNamespace(v1alpha1.BootstrapAnnotation, "ssh://node")
	if address, err := f.reader.BootstrapAddress(ctx); err != nil || address != "ssh://node" {
		t.Errorf("address %q, %v", address, err)
	}
	if err := f.reader.WriteCatalog(ctx, catalogMap(), cluster.WriteOptions{DryRun: true}); err != nil {
		t.Error(err)
	}
	if catalog, err = f.reader.Catalog(ctx); err != nil || catalog.ConfigMap != nil {
		t.Errorf("after a dry run: %+v, %v", catalog, err)
	}
	if err := f.reader.WriteCatalog(ctx, catalogMap(), cluster.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.deleteAfterwards(catalogMap())
	if catalog, err = f.reader.Catalog(ctx); err != nil {
		t.Fatal(err)
	}
	if got := catalog.Versions("storage"); !slices.Equal(got, []string{"1.9.0", "1.10.0"}) || catalog.Endpoint != "" || catalog.Versions("none") != nil {
		t.Errorf("versions %q, endpoint %q", got, catalog.Endpoint)
	}
	record, found := catalog.Record("storage", "1.10.0")
	if !found || !record.Active || record.Archive != "/b.iso" {
		t.Errorf("%+v, %t", record, found)
	}
	if _, found := catalog.Record("storage", "1.1.0"); found {
		t.Error("a version that is not there is found")
	}
	checkWrites(f, catalog)
	checkContents(f)
}

// checkWrites has two writers start from what one of them read.
func checkWrites(f *fixture, catalog *cluster.Catalog) {
	f.t.Helper()
	ctx := f.t.Context()
	if err := f.reader.WriteCatalog(ctx, catalogMap(), cluster.WriteOptions{}); !cluster.IsConflict(err) ||
		err.Error() != `writing ConfigMap metalk8s-solutions/metalk8s-solutions: configmaps "metalk8s-solutions" already exists` {
		f.t.Errorf("creating twice: %v", err)
	}
	cm := catalog.ConfigMap.DeepCopy()
	cm.Annotations = map[string]string{v1alpha1.RegistryEndpointAnnotation: "registry:5000"}
	before := cm.DeepCopy()
	if err := f.reader.WriteCatalog(ctx, cm, cluster.WriteOptions{}); err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(before, cm); diff != "" {
		f.t.Errorf("the argument has changed:\n%s", diff)
	}
	for _, dryRun := range []bool{true, false} {
		cm.Data = nil
		err := f.reader.WriteCatalog(ctx, cm, cluster.WriteOptions{DryRun: dryRun})
		if !cluster.IsConflict(err) || !strings.HasPrefix(err.Error(), "writing ConfigMap metalk8s-solutions/metalk8s-solutions: Operation cannot be fulfilled on configmaps") {
			f.t.Errorf("with a stale resourceVersion, dry run %t: %v", dryRun, err)
		}
	}
	again, err := f.reader.Catalog(ctx)
	if err != nil || again.Endpoint != "registry:5000" || len(again.Records["storage"]) != 2 {
		f.t.Errorf("%+v, %v", again, err)
	}
	again.ConfigMap.Data["storage"] = "[{]"
	again.ConfigMap.Data["web"] = `[{"version":"1"}]`
	if err := f.reader.WriteCatalog(ctx, again.ConfigMap, cluster.WriteOptions{}); err != nil {
		f.t.Fatal(err)
	}
	again, err = f.reader.Catalog(ctx)
	checkUnreadable(f, err, "namespace metalk8s-solutions: reading key storage of ConfigMap metalk8s-solutions: ", v1alpha1.SolutionsConfigMap)
	if again == nil || again.ConfigMap == nil || len(again.Records) != 1 || again.Versions("web")[0] != "1" {
		f.t.Errorf("what can be read is %+v", again)
	}
	if _, err := (&cluster.Reader{Client: f.as("limited")}).Catalog(ctx); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading the imported Solutions: configmaps") {
		f.t.Errorf("without rights: %v", err)
	}
}

func checkContents(f *fixture) {
	f.t.Helper()
	ctx := f.t.Context()
	if contents, err := f.reader.Contents(ctx); err != nil || len(contents) != 0 {
		f.t.Errorf("none: %v, %v", contents, err)
	}
	want := &v1alpha1.Content{ID: "storage-1.0.0+b3", Name: "storage", Version: "1.0.0+b3", UIDeploy: true}
	o, err := plan.ContentConfigMap(want)
	if err != nil {
		f.t.Fatal(err)
	}
	f.create(o)
	got, err := f.reader.Content(ctx, want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		f.t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := f.reader.Content(ctx, "storage-1.0.0"); got != nil || err != nil {
		f.t.Errorf("of no such version: %+v, %v", got, err)
	}
	contents, err := f.reader.Contents(ctx)
	if diff := cmp.Diff(map[string]*v1alpha1.Content{want.ID: want}, contents); diff != "" || err != nil {
		f.t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	bad := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.Namespace, Name: v1alpha1.ContentConfigMapName("web-1"), Labels: map[string]string{v1alpha1.SolutionLabel: "web"}}}
	f.create(bad)
	const text = "reading ConfigMap metalk8s-solutions/solution-web-1: no key content.json"
	_, err = f.reader.Content(ctx, "web-1")
	checkUnreadable(f, err, text, "solution-web-1")
	o = o.DeepCopy()
	o.SetName("solution-web-2")
	o.SetResourceVersion("")
	o.SetUID("")
	f.create(o)
	contents, err = f.reader.Contents(ctx)
	checkUnreadable(f, err, text+"\nreading ConfigMap metalk8s-solutions/solution-web-2: it holds what belongs into "+v1alpha1.ContentConfigMapName(want.ID),
		"solution-web-1", "solution-web-2")
	if diff := cmp.Diff(map[string]*v1alpha1.Content{want.ID: want}, contents); diff != "" {
		f.t.Errorf("what can be read, -want +got:\n%s", diff)
	}
}

func checkUnreadable(f *fixture, err error, text string, configMaps ...string) {
	f.t.Helper()
	var unreadable *cluster.UnreadableError
	if !errors.As(err, &unreadable) || !strings.HasPrefix(err.Error(), text) || !slices.Equal(unreadable.ConfigMaps, configMaps) || hint.Of(err) == "" {
		f.t.Errorf("%v, want %s", err, text)
	}
}

// workload is a version of Solution storage in a namespace.
func workload(t *testing.T, namespace string) []*unstructured.Unstructured {
	t.Helper()
	operator := v1alpha1.ImageName{Name: "storage-operator", Tag: "1.0.0"}
	ui := v1alpha1.ImageName{Name: "storage-ui", Tag: "1.0.0"}
	rules := []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"nodes"}, "verbs": []any{"get"}}}
	role := func(kind, name string) map[string]any {
		return map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": name}, "rules": rules}
	}
	objects, err := plan.Workload(plan.Target{
		Environment: "staging", Namespace: namespace, Endpoint: "registry:5000",
		Content: &v1alpha1.Content{
			ID: "storage-1.0.0", Name: "storage", Version: "1.0.0", Operator: &operator, UI: &ui, UIDeploy: true,
			Images: []v1alpha1.Image{{ImageName: operator, Digest: "sha256:" + strings.Repeat("a", 64)}, {ImageName: ui, Digest: "sha256:" + strings.Repeat("b", 64)}},
			Roles:  []map[string]any{role("Role", "storage"), role("ClusterRole", namespace+"-nodes")},
		},
		Versions: []plan.Version{{Version: "1.0.0", ID: "storage-1.0.0", Images: []string{"storage-operator:1.0.0"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestOwned(t *testing.T) {
	f := newFixture(t)
	objects := workload(t, f.prefix)
	changes, err := apply.New(f.reader.Client).Apply(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != len(objects) {
		t.Errorf("%d changes of %d objects", len(changes), len(objects))
	}
	// Something like them that this project did not make.
	f.configMap(f.prefix, "theirs", nil, nil)
	owned, err := f.reader.Owned(t.Context(), f.prefix)
	if err != nil {
		t.Fatal(err)
	}
	got, want := titles(owned), titles(slices.DeleteFunc(slices.Clone(objects), func(u *unstructured.Unstructured) bool { return u.GetKind() == "ClusterRole" }))
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Nothing of what is deployed is to be pruned: names and kinds are the same.
	if pruned := plan.Prune(owned, objects); len(pruned) > 0 {
		t.Errorf("pruned: %q", titles(pruned))
	}
	roles, err := f.reader.OwnedClusterRoles(t.Context(), "storage")
	if err != nil || !slices.Equal(titles(roles), []string{"ClusterRole " + f.prefix + "-nodes"}) {
		t.Errorf("%q, %v", titles(roles), err)
	}
	f.deleteAfterwards(roles[0])
	bindings, err := f.reader.Bindings(t.Context())
	if err != nil || len(plan.UnusedClusterRoles(roles, bindings, nil)) != 0 || len(plan.UnusedClusterRoles(roles, bindings, owned)) != 1 {
		t.Errorf("%q, %v", titles(bindings), err)
	}
	limited := &cluster.Reader{Client: f.as("limited")}
	if roles, err := limited.OwnedClusterRoles(t.Context(), "storage"); err != nil || roles != nil {
		t.Errorf("without rights: %q, %v", titles(roles), err)
	}
	if _, err := limited.Owned(t.Context(), f.prefix); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "s in namespace "+f.prefix+": ") {
		t.Errorf("without rights: %v", err)
	}
	if _, err := limited.Bindings(t.Context()); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "listing RoleBindings, to see who uses a ClusterRole: ") {
		t.Errorf("without rights: %v", err)
	}
}

func TestDefinitions(t *testing.T) {
	f := newFixture(t)
	group := f.prefix + ".example.com"
	document := map[string]any{
		"apiVersion": plan.DefinitionAPIVersion, "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "disks." + group},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced", "names": map[string]any{"kind": "Disk", "plural": "disks"},
			"versions": []any{
				version("v1beta1", false, false), version("v1", true, true), version("v2", true, false), version("v3", false, false),
			},
		},
	}
	desired, err := plan.Definitions(&v1alpha1.Content{ID: "storage-1", Name: "storage", Version: "1"}, []map[string]any{document})
	if err != nil {
		t.Fatal(err)
	}
	kind, ok := cluster.ServedResource(desired[0])
	if want := (cluster.Resource{Group: group, Version: "v2", Kind: "Disk"}); !ok || kind != want {
		t.Errorf("%+v, %t", kind, ok)
	}
	if items, err := f.reader.CustomResources(t.Context(), kind, ""); err != nil || items != nil {
		t.Errorf("of a kind that is not there: %v, %v", items, err)
	}
	applier := apply.New(f.reader.Client)
	if _, err := applier.Apply(t.Context(), desired); err != nil {
		t.Fatal(err)
	}
	f.deleteAfterwards(desired[0])
	live, err := f.reader.Definitions(t.Context())
	if err != nil || !slices.Equal(titles(live), []string{"CustomResourceDefinition disks." + group}) {
		t.Errorf("%q, %v", titles(live), err)
	}
	if err := plan.CheckDefinition(live[0], desired[0]); err != nil {
		t.Errorf("the definition that is deployed: %v", err)
	}
	disk := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(1)}}}
	disk.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Disk"})
	disk.SetNamespace(f.prefix)
	disk.SetName("one")
	if _, err := applier.Apply(t.Context(), []*unstructured.Unstructured{disk}); err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string]int{"": 1, f.prefix: 1, "default": 0} {
		items, err := f.reader.CustomResources(t.Context(), kind, namespace)
		if err != nil || len(items) != want || want == 1 && items[0].Name != "one" {
			t.Errorf("namespace %q: %v, %v", namespace, items, err)
		}
	}
}

func version(name string, served, storage bool) map[string]any {
	return map[string]any{"name": name, "served": served, "storage": storage, "schema": map[string]any{
		"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
	}}
}

func TestServedResourceOfNone(t *testing.T) {
	for _, versions := range []any{nil, []any{}, []any{"v1"}, []any{version("v1", false, true)}, []any{map[string]any{"served": true}}} {
		u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"group": "g", "versions": versions}}}
		if r, ok := cluster.ServedResource(u); ok {
			t.Errorf("%v: %+v", versions, r)
		}
	}
}

func TestEnvironmentsWithoutRights(t *testing.T) {
	f := newFixture(t)
	limited := &cluster.Reader{Client: f.as("limited")}
	_, err := limited.Environments(t.Context())
	if !apierrors.IsForbidden(err) || hint.Of(err) != "with rights in a namespace of your own only, name it: --namespace NAMESPACE" ||
		err.Error() != `listing the namespaces of Environments: namespaces is forbidden: User "limited" cannot list resource "namespaces" in API group "" at the cluster scope` {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
	if _, err := limited.Environment(t.Context(), "staging"); !apierrors.IsForbidden(err) {
		t.Errorf("%v", err)
	}
	if _, _, err := limited.EnvironmentNamespace(t.Context(), f.prefix); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading namespace "+f.prefix+": ") {
		t.Errorf("%v", err)
	}
}
