// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
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
	checkEmptyState(f)
	f.solutionsNamespace(v1alpha1.BootstrapAnnotation, "ssh://node")
	if address, err := f.reader.BootstrapAddress(ctx); err != nil || address != "ssh://node" {
		t.Errorf("address %q, %v", address, err)
	}
	f.create(catalogMap())
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
	checkState(f)
	checkUnreadableCatalog(f, catalog)
	checkContents(f)
}

// checkUnreadableCatalog has a catalog of which one key cannot be read.
func checkUnreadableCatalog(f *fixture, catalog *cluster.Catalog) {
	f.t.Helper()
	ctx := f.t.Context()
	cm := catalog.ConfigMap.DeepCopy()
	cm.Annotations = map[string]string{v1alpha1.RegistryEndpointAnnotation: "registry:5000"}
	cm.Data["storage"] = "[{]"
	cm.Data["web"] = `[{"version":"1"}]`
	if err := f.reader.Client.Update(ctx, cm); err != nil {
		f.t.Fatal(err)
	}
	const text = "namespace metalk8s-solutions: reading key storage of ConfigMap metalk8s-solutions: "
	again, err := f.reader.Catalog(ctx)
	checkUnreadable(f, err, text, v1alpha1.SolutionsConfigMap)
	if again == nil || again.ConfigMap == nil || len(again.Records) != 1 || again.Versions("web")[0] != "1" || again.Endpoint != "registry:5000" {
		f.t.Errorf("what can be read is %+v", again)
	}
	state, err := f.reader.State(ctx)
	checkUnreadable(f, err, text, v1alpha1.SolutionsConfigMap)
	if state == nil || len(state.Records) != 1 || state.Catalog == nil || !slices.Equal(state.Unreadable, []string{v1alpha1.SolutionsConfigMap}) {
		f.t.Errorf("what can be read is %+v", state)
	}
	if _, err := (&cluster.Reader{Client: f.as("limited")}).Catalog(ctx); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading the imported Solutions: configmaps") {
		f.t.Errorf("without rights: %v", err)
	}
}

func checkEmptyState(f *fixture) {
	f.t.Helper()
	state, err := f.reader.State(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if state.Namespace != nil || state.Catalog != nil || len(state.Records)+len(state.Contents)+len(state.ContentRecords.All())+len(state.Uses)+len(state.Operators)+len(state.Unreadable) > 0 {
		f.t.Errorf("%+v", state)
	}
	// Every cluster has these.
	if state.ClusterRoles.Get(plan.Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole", Name: "cluster-admin"}) == nil {
		f.t.Error("no ClusterRole cluster-admin")
	}
}

// checkState reads all at once.
func checkState(f *fixture) {
	f.t.Helper()
	ctx := f.t.Context()
	name := f.prefix + "-env"
	f.namespace(name, map[string]string{v1alpha1.EnvironmentLabel: "Staging"})
	f.configMap(name, v1alpha1.EnvironmentConfigMap, map[string]string{"storage": "2.0.0"}, nil)
	f.apply(workload(f.t, name))
	f.apply(definitions(f.t, "sites."+f.prefix+".example.com"))
	content, err := plan.ContentConfigMap(&v1alpha1.Content{ID: "web-1", Name: "web", Version: "1"})
	if err != nil {
		f.t.Fatal(err)
	}
	f.create(content)
	state, err := f.reader.State(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	if state.Namespace.GetKind() != "Namespace" || state.Namespace.GetAnnotations()[v1alpha1.BootstrapAnnotation] != "ssh://node" {
		f.t.Errorf("namespace %v", state.Namespace)
	}
	if state.Catalog.GetKind() != "ConfigMap" || state.Catalog.GetResourceVersion() == "" || len(state.Records["storage"]) != 2 {
		f.t.Errorf("catalog %v, records %+v", state.Catalog, state.Records)
	}
	if state.Contents[plan.VersionKey{Name: "web", Version: "1"}] == nil || state.ContentRecords.Get(plan.RefOf(content)) == nil {
		f.t.Errorf("contents %v", state.Contents)
	}
	// It runs what its labels say, whatever is wanted.
	uses := []plan.Use{{Environment: "Staging", Namespace: name, Solution: "storage", Version: "1.0.0"}}
	if diff := cmp.Diff(uses, state.Uses); diff != "" {
		f.t.Errorf("uses -want +got:\n%s", diff)
	}
	if o := state.Operators; len(o) != 1 || o[0].Environment != "Staging" || o[0].Namespace != name || o[0].Solution != "storage" || o[0].Digest == "" || o[0].Digest != o[0].ConfigDigest {
		f.t.Errorf("Operators %+v", o)
	}
	want := []plan.LiveDefinition{{Name: "sites." + f.prefix + ".example.com", Solution: "storage", Digest: "sha256:d"}}
	for i := range state.Definitions {
		if state.Definitions[i].UID == "" {
			f.t.Error("a definition without a UID could be another one when it is deleted")
		}
		state.Definitions[i].UID = ""
	}
	if diff := cmp.Diff(want, state.Definitions); diff != "" {
		f.t.Errorf("definitions -want +got:\n%s", diff)
	}
	if _, err := (&cluster.Reader{Client: f.as("limited")}).State(ctx); !apierrors.IsForbidden(err) {
		f.t.Errorf("without rights: %v", err)
	}
	if err := f.reader.Client.Delete(ctx, content); err != nil {
		f.t.Fatal(err)
	}
}

// checkContents reads records, by the names that ids give them.
func checkContents(f *fixture) {
	f.t.Helper()
	ctx := f.t.Context()
	if contents, err := f.reader.Contents(ctx); err != nil || len(contents) != 0 {
		f.t.Errorf("none: %v, %v", contents, err)
	}
	want := &v1alpha1.Content{ID: "storage-1.0.0+b3", Name: "storage", Version: "1.0.0+b3", UIDeploy: true}
	lower := &v1alpha1.Content{ID: "storage-0.9.0", Name: "storage", Version: "0.9.0"}
	// The id of "a" b-1, too.
	colliding := &v1alpha1.Content{ID: "a-b-1", Name: "a-b", Version: "1"}
	records := map[*v1alpha1.Content]*unstructured.Unstructured{}
	for _, c := range []*v1alpha1.Content{want, lower, colliding} {
		o, err := plan.ContentConfigMap(c)
		if err != nil {
			f.t.Fatal(err)
		}
		f.create(o)
		records[c] = o
	}
	for _, tt := range []struct {
		name, version string
		want          *v1alpha1.Content
	}{
		{"storage", "1.0.0+b3", want}, {"storage", "1.0.0", nil}, {"a-b", "1", colliding}, {"a", "b-1", nil},
	} {
		got, err := f.reader.Content(ctx, tt.name, tt.version)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			f.t.Errorf("%s %s: %v, -want +got:\n%s", tt.name, tt.version, err, diff)
		}
	}
	contents, err := f.reader.Contents(ctx)
	if diff := cmp.Diff([]*v1alpha1.Content{colliding, lower, want}, contents); diff != "" || err != nil {
		f.t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	checkUnreadableContents(f, records[want])
}

func checkUnreadableContents(f *fixture, good *unstructured.Unstructured) {
	f.t.Helper()
	ctx := f.t.Context()
	f.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.Namespace, Name: v1alpha1.ContentConfigMapName("web-1"), Labels: map[string]string{v1alpha1.SolutionLabel: "web"}}})
	const text = "reading ConfigMap metalk8s-solutions/solution-web-1: no key content.json"
	_, err := f.reader.Content(ctx, "web", "1")
	checkUnreadable(f, err, text, "solution-web-1")
	moved := good.DeepCopy()
	moved.SetName("solution-web-2")
	moved.SetResourceVersion("")
	moved.SetUID("")
	f.create(moved)
	_, err = f.reader.Contents(ctx)
	checkUnreadable(f, err, text+"\nreading ConfigMap metalk8s-solutions/solution-web-2: it holds what belongs into "+good.GetName(), "solution-web-1", "solution-web-2")
	// The catalog cannot be read either: what can is there, all the same.
	state, err := f.reader.State(ctx)
	checkUnreadable(f, err, "namespace metalk8s-solutions: reading key storage", v1alpha1.SolutionsConfigMap, "solution-web-1", "solution-web-2")
	if len(state.Contents) != 3 || len(state.ContentRecords.All()) != 5 || len(state.Unreadable) != 3 {
		f.t.Errorf("%d contents of %d records, %q", len(state.Contents), len(state.ContentRecords.All()), state.Unreadable)
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
	p := plan.Namespace(plan.NamespaceInput{Namespace: namespace, Live: plan.NewLive(), Targets: []plan.Target{{
		Environment: "staging", Namespace: namespace, Endpoint: "registry:5000",
		Content: &v1alpha1.Content{
			ID: "storage-1.0.0", Name: "storage", Version: "1.0.0", Operator: &operator, UI: &ui, UIDeploy: true,
			Images: []v1alpha1.Image{{ImageName: operator, Digest: "sha256:" + strings.Repeat("a", 64)}, {ImageName: ui, Digest: "sha256:" + strings.Repeat("b", 64)}},
			Roles:  []map[string]any{role("Role", "storage"), role("ClusterRole", namespace+"-nodes")},
		},
		Versions: []plan.Version{{Version: "1.0.0", ID: "storage-1.0.0", Images: []string{"storage-operator:1.0.0"}}},
	}}})
	if len(p.Refusals) > 0 {
		t.Fatal(p.Refusals)
	}
	var objects []*unstructured.Unstructured
	for _, c := range p.Changes {
		objects = append(objects, c.Manifest)
	}
	return objects
}

// apply writes objects as they are deployed, and deletes them when the test ends.
func (f *fixture) apply(objects []*unstructured.Unstructured) {
	f.t.Helper()
	for _, u := range objects {
		options := []client.ApplyOption{client.FieldOwner(v1alpha1.FieldManager)}
		if err := f.reader.Client.Apply(f.t.Context(), client.ApplyConfigurationFromUnstructured(u.DeepCopy()), options...); err != nil {
			f.t.Fatal(err)
		}
		f.deleteAfterwards(u)
	}
}

func TestDeployed(t *testing.T) {
	f := newFixture(t)
	objects := workload(t, f.prefix)
	f.apply(objects)
	// Something like them that this project did not make.
	f.configMap(f.prefix, "theirs", nil, nil)
	older := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.prefix, Name: "older", Labels: map[string]string{v1alpha1.ManagedByLabel: "salt"}}}
	f.create(older)
	live, err := f.reader.Deployed(t.Context(), f.prefix)
	if err != nil {
		t.Fatal(err)
	}
	got, want := titles(live.All()), append(titles(objects), "ConfigMap older")
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, u := range objects {
		if found := live.Get(plan.RefOf(u)); found == nil || len(found.GetManagedFields()) == 0 {
			t.Errorf("%s is not found, or not who has written it", u.GetName())
		}
	}
	limited := &cluster.Reader{Client: f.as("limited")}
	if _, err := limited.Deployed(t.Context(), f.prefix); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "s in namespace "+f.prefix+": ") {
		t.Errorf("without rights: %v", err)
	}
}

func TestObjects(t *testing.T) {
	f := newFixture(t)
	f.configMap(f.prefix, "one", map[string]string{"k": "v"}, nil)
	ref := func(name string) plan.Ref {
		return plan.Ref{Version: "v1", Kind: "ConfigMap", Namespace: f.prefix, Name: name}
	}
	live, err := f.reader.Objects(t.Context(), []plan.Ref{ref("none"), ref("one"), ref("another")})
	if err != nil || !slices.Equal(titles(live.All()), []string{"ConfigMap one"}) || live.Get(ref("one")).Object["data"].(map[string]any)["k"] != "v" {
		t.Errorf("%v, %v", live, err)
	}
	if live, err = f.reader.Objects(t.Context(), nil); err != nil || len(live.All()) > 0 {
		t.Errorf("%v, %v", live, err)
	}
	_, err = (&cluster.Reader{Client: f.as("limited")}).Objects(t.Context(), []plan.Ref{ref("one")})
	if !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading configmap/one in namespace "+f.prefix+": ") {
		t.Errorf("without rights: %v", err)
	}
}

func TestClusterRolesAndBindings(t *testing.T) {
	f := newFixture(t)
	role := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}}
	role.SetName(f.prefix + "-ours")
	role.SetLabels(map[string]string{v1alpha1.ManagedByLabel: v1alpha1.FieldManager})
	theirs := role.DeepCopy()
	theirs.SetName(f.prefix + "-theirs")
	theirs.SetLabels(nil)
	f.apply([]*unstructured.Unstructured{role, theirs})
	names, err := f.reader.ClusterRoleNames(t.Context())
	if err != nil || !names[f.prefix+"-ours"] || names[f.prefix+"-theirs"] || names["cluster-admin"] {
		t.Errorf("%v, %v", names, err)
	}
	bindings, err := f.reader.Bindings(t.Context())
	if got := titles(bindings); err != nil || !slices.Contains(got, "ClusterRoleBinding cluster-admin") || !slices.Contains(got, "RoleBinding system:controller:bootstrap-signer") {
		t.Errorf("%q, %v", got, err)
	}
	limited := &cluster.Reader{Client: f.as("limited")}
	if names, err := limited.ClusterRoleNames(t.Context()); err != nil || names != nil {
		t.Errorf("without rights: %v, %v", names, err)
	}
	if _, err := limited.Bindings(t.Context()); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "listing RoleBindings, to see who uses a ClusterRole: ") {
		t.Errorf("without rights: %v", err)
	}
}

// definitions returns a definition as it is deployed for Solution storage.
func definitions(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	plural, group, _ := strings.Cut(name, ".")
	document := map[string]any{
		"apiVersion": plan.DefinitionAPIVersion, "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced", "names": map[string]any{"kind": "Disk", "plural": plural},
			"versions": []any{
				version("v1beta1", false, false), version("v1", true, true), version("v2", true, false), version("v3", false, false),
			},
		},
	}
	c := &v1alpha1.Content{ID: "storage-1", Name: "storage", Version: "1", CRDs: []v1alpha1.CRD{{Name: name, Digest: "sha256:d"}}}
	list, err := plan.Definitions(c, []map[string]any{document})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCustomResources(t *testing.T) {
	f := newFixture(t)
	group := f.prefix + ".example.com"
	wanted := definitions(t, "disks."+group)
	kind, ok := cluster.ServedResource(wanted[0])
	if want := (cluster.Resource{Group: group, Version: "v2", Kind: "Disk", Plural: "disks"}); !ok || kind != want {
		t.Errorf("%+v, %t", kind, ok)
	}
	if items, err := f.reader.CustomResources(t.Context(), kind, ""); err != nil || items != nil {
		t.Errorf("of a kind that is not there: %v, %v", items, err)
	}
	none := func([]unstructured.Unstructured) error { t.Error("objects of a kind that is not there"); return nil }
	if err := f.reader.WholeResources(t.Context(), kind, none); err != nil {
		t.Errorf("of a kind that is not there: %v", err)
	}
	f.apply(wanted)
	disk := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(1)}}}
	disk.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Disk"})
	disk.SetNamespace(f.prefix)
	disk.SetName("one")
	f.createOnceKnown(disk)
	for namespace, want := range map[string]int{"": 1, f.prefix: 1, "default": 0} {
		items, err := f.reader.CustomResources(t.Context(), kind, namespace)
		if err != nil || len(items) != want || want == 1 && items[0].Name != "one" {
			t.Errorf("namespace %q: %v, %v", namespace, items, err)
		}
	}
	sizes := 0
	answer := errors.New("enough")
	err := f.reader.WholeResources(t.Context(), kind, func(objects []unstructured.Unstructured) error {
		for i := range objects {
			size, _, _ := unstructured.NestedInt64(objects[i].Object, "spec", "size")
			sizes += int(size)
		}
		return answer
	})
	if !errors.Is(err, answer) || sizes != 1 {
		t.Errorf("%v, sizes %d", err, sizes)
	}
	kind.Plural = "nones"
	if items, err := f.reader.CustomResources(t.Context(), kind, ""); err != nil || items != nil {
		t.Errorf("of another kind: %v, %v", items, err)
	}
}

// createOnceKnown creates an object of a kind that was defined a moment ago.
func (f *fixture) createOnceKnown(o *unstructured.Unstructured) {
	f.t.Helper()
	var err error
	for range 100 {
		f.reader.Client = f.as("")
		if err = f.reader.Client.Create(f.t.Context(), o.DeepCopy()); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.t.Fatal(err)
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
