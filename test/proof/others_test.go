// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// disturb has others do something, to what a plan is about.
func (s *situation) disturb(o *operation, p *plan.Plan) {
	s.t.Helper()
	var absent, present []plan.Change
	for _, c := range p.Changes {
		switch {
		case c.Object.Kind == "Namespace" || c.Object.Name == v1alpha1.SolutionsConfigMap || c.Object.Name == v1alpha1.EnvironmentConfigMap:
		case c.Action == plan.Create:
			absent = append(absent, c)
		case s.get(c.Object) != nil:
			present = append(present, c)
		}
	}
	for range s.rng.IntN(5) {
		if i := len(absent); i > 0 && chance(s.rng, 50) {
			s.occupy(o, pick(s.rng, absent))
			continue
		}
		if len(present) > 0 {
			s.change(o, pick(s.rng, present))
		}
	}
}

// owner is somebody else, by what an object of theirs looks like.
type owner struct {
	name, manager       string
	labels, annotations map[string]string
	// mayBeTaken says that the object is no other's to this project.
	mayBeTaken bool
}

func owners(solution string) []owner {
	return []owner{
		{name: "Helm", manager: "helm", labels: map[string]string{v1alpha1.ManagedByLabel: "Helm"}, annotations: map[string]string{"meta.helm.sh/release-name": "x", "meta.helm.sh/release-namespace": "y"}},
		{name: "kubectl apply", manager: "kubectl-client-side-apply", annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
		{name: "kubectl create", manager: "kubectl-create"},
		{name: "another Solution", manager: v1alpha1.FieldManager, labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: unknown}},
		{name: "the older tooling, for another Solution", manager: "salt", labels: map[string]string{v1alpha1.ManagedByLabel: "salt", v1alpha1.PartOfLabel: "another"}},
		{name: "the older tooling", manager: "salt", mayBeTaken: true, labels: map[string]string{v1alpha1.ManagedByLabel: "salt", "heritage": "salt", "metalk8s.scality.com/version": "2.9.0", v1alpha1.PartOfLabel: solution}},
		{name: "the older tooling, with no name of a Solution", manager: "salt", mayBeTaken: true, labels: map[string]string{v1alpha1.ManagedByLabel: "salt", "heritage": "salt"}},
	}
}

// occupy has somebody else create an object with a name that is wanted.
func (s *situation) occupy(o *operation, c plan.Change) {
	s.t.Helper()
	if s.get(c.Object) != nil || !s.hasNamespace(c.Object.Namespace) {
		return
	}
	by := pick(s.rng, owners(c.Scope.Solution))
	if o.everything && isUnknown(by.labels) {
		return // it would be removed
	}
	u := s.altered(c.Manifest)
	u.SetLabels(by.labels)
	u.SetAnnotations(by.annotations)
	err := s.strangers.Client.Create(s.t.Context(), u, client.FieldOwner(by.manager))
	if err != nil {
		s.tell("%s could not create %s: %v", by.name, c.Object.Describe(), err)
		return
	}
	s.tell("%s has %s", by.name, c.Object.Describe())
	if !by.mayBeTaken {
		s.foreign = append(s.foreign, u)
	}
}

// unknown is a Solution that nobody has imported.
const unknown = "another"

func isUnknown(labels map[string]string) bool {
	return labels[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager && labels[v1alpha1.PartOfLabel] == unknown
}

// forgetUnknown removes what has been made for a Solution that nobody has imported, as a sync would.
func (s *situation) forgetUnknown() {
	s.t.Helper()
	for _, u := range s.foreign {
		if isUnknown(u.GetLabels()) {
			s.must(client.IgnoreNotFound(s.strangers.Client.Delete(s.t.Context(), u)))
		}
	}
	s.foreign = slices.DeleteFunc(s.foreign, func(u *unstructured.Unstructured) bool { return isUnknown(u.GetLabels()) })
}

func (s *situation) hasNamespace(name string) bool {
	return name == "" || s.get(plan.Ref{Version: "v1", Kind: "Namespace", Name: name}) != nil
}

// altered returns an object that differs from one, or not, in what is its own to its kind.
func (s *situation) altered(u *unstructured.Unstructured) *unstructured.Unstructured {
	u = u.DeepCopy()
	if chance(s.rng, 30) {
		return u
	}
	set := func(value any, path ...string) { s.must(unstructured.SetNestedField(u.Object, value, path...)) }
	switch u.GetKind() {
	case "ConfigMap":
		set(map[string]any{"theirs": "yes"}, "data")
	case "Role", "ClusterRole":
		set([]any{map[string]any{"apiGroups": []any{""}, "resources": []any{"pods"}, "verbs": []any{"get"}}}, "rules")
		delete(u.Object, "aggregationRule")
	case "RoleBinding":
		set(pick(s.rng, []string{"another-role", "manager-role"}), "roleRef", "name")
	case "Deployment":
		set(int64(2), "spec", "replicas")
		if chance(s.rng, 40) {
			for _, path := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "template", "metadata", "labels"}} {
				set(map[string]any{"theirs": "yes"}, path...)
			}
		}
	case "Service":
		set(map[string]any{"theirs": "yes"}, "spec", "selector")
	case "Ingress":
		set("theirs", "spec", "ingressClassName")
	case "CustomResourceDefinition":
		set("Theirs", "spec", "names", "listKind")
	}
	return u
}

// change has somebody else do something to an object that is there.
func (s *situation) change(o *operation, c plan.Change) {
	s.t.Helper()
	live := s.get(c.Object)
	if live == nil || live.GetDeletionTimestamp() != nil {
		return
	}
	switch n := s.rng.IntN(100); {
	case n < 15:
		s.must(s.strangers.Client.Delete(s.t.Context(), c.Object.Object(), client.PropagationPolicy("Background")))
		s.waitGone(c.Object)
		s.untrack(c.Object)
		s.tell("someone has deleted %s", c.Object.Describe())
	case n < 20 && len(o.deletes) == 0:
		s.hold(c.Object)
	case n < 30:
		s.handOver(o, c, live)
	default:
		s.inject(c, live)
	}
}

// untrack takes an object out of those that may not change.
func (s *situation) untrack(r plan.Ref) {
	s.foreign = slices.DeleteFunc(s.foreign, func(u *unstructured.Unstructured) bool { return plan.RefOf(u) == r })
}

// hold leaves an object being deleted.
func (s *situation) hold(r plan.Ref) {
	s.t.Helper()
	u := r.Object()
	s.must(s.strangers.Client.Patch(s.t.Context(), u, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/held"]}}`))))
	s.held = append(s.held, u)
	s.must(s.strangers.Client.Delete(s.t.Context(), r.Object()))
	s.tell("%s is being deleted, and held by a finalizer", r.Describe())
}

// handOver makes an object look as the older tooling, or another, has made it.
func (s *situation) handOver(o *operation, c plan.Change, live *unstructured.Unstructured) {
	s.t.Helper()
	if c.Object.Kind == "CustomResourceDefinition" {
		return // deleting it deletes its objects
	}
	s.must(client.IgnoreNotFound(s.strangers.Client.Delete(s.t.Context(), c.Object.Object(), client.PropagationPolicy("Background"))))
	s.waitGone(c.Object)
	s.untrack(c.Object)
	fresh := live.DeepCopy()
	fresh.SetResourceVersion("")
	fresh.SetUID("")
	fresh.SetManagedFields(nil)
	fresh.SetLabels(nil)
	delete(fresh.Object, "status")
	unstructured.RemoveNestedField(fresh.Object, "spec", "clusterIP")
	unstructured.RemoveNestedField(fresh.Object, "spec", "clusterIPs")
	s.occupy(o, plan.Change{Object: c.Object, Scope: c.Scope, Manifest: fresh})
}

// patches are what others do to objects of a kind, "" for any.
var patches = []struct{ kind, manager, patch string }{
	{"", "kubectl-annotate", `{"metadata":{"annotations":{"theirs":"yes"}}}`},
	{"", "kubectl-label", `{"metadata":{"labels":{"theirs":"yes"}}}`},
	{"", "kubectl-label", `{"metadata":{"labels":{"app.kubernetes.io/version":"theirs"}}}`},
	{"", "kubectl-label", `{"metadata":{"labels":{"app.kubernetes.io/version":null}}}`},
	{"", "kubectl-label", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`},
	{"ConfigMap", "kubectl-edit", `{"data":{"theirs":"yes"}}`},
	{"ConfigMap", "kubectl-edit", `{"data":{"operator.yaml":"theirs","config.json":"theirs"}}`},
	{"ConfigMap", "kubectl-edit", `{"metadata":{"annotations":{"solutions.metalk8s.scality.com/config-digest":null}}}`},
	{"Role", "kubectl-edit", `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`},
	{"ClusterRole", "kubectl-edit", `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`},
	{"ClusterRole", "kubectl-edit", `{"rules":null}`},
	{"RoleBinding", "kubectl-edit", `{"subjects":[{"kind":"User","name":"theirs","apiGroup":"rbac.authorization.k8s.io"}]}`},
	{"Service", "kubectl-edit", `{"spec":{"type":"NodePort"}}`},
	{"Service", "kubectl-edit", `{"spec":{"selector":{"theirs":"yes"}}}`},
	{"Ingress", "kubectl-edit", `{"spec":{"tls":[{"hosts":["theirs.example.com"]}]}}`},
	{"Ingress", "kubectl-edit", `{"spec":{"ingressClassName":"theirs"}}`},
	{"ServiceAccount", "kubectl-edit", `{"imagePullSecrets":[{"name":"theirs"}]}`},
	{"CustomResourceDefinition", "injector", `{"spec":{"conversion":{"webhook":{"clientConfig":{"caBundle":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="}}}}}`},
	{"CustomResourceDefinition", "kubectl-edit", `{"spec":{"names":{"shortNames":["theirs"]}}}`},
	{"CustomResourceDefinition", "kubectl-edit", `{"metadata":{"annotations":{"solutions.metalk8s.scality.com/definition-digest":null}}}`},
	{"Deployment", "kubectl-scale", `{"spec":{"replicas":3}}`},
	{"Deployment", "kubectl-scale", `{"spec":{"replicas":0}}`},
	{"Deployment", "kubectl-edit", `{"spec":{"template":{"metadata":{"annotations":{"theirs":"yes"}}}}}`},
	{"Deployment", "kubectl-edit", `{"spec":{"template":{"metadata":{"annotations":{"solutions.metalk8s.scality.com/config-digest":"theirs"}}}}}`},
	{"Deployment", "kubectl-edit", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`},
	{"Deployment", "kubectl-edit", `{"spec":{"template":{"spec":{"nodeSelector":{"theirs":"yes"},"priorityClassName":null}}}}`},
}

// containerPatches are strategic merge patches of the container %s.
var containerPatches = []string{
	`{"name":%q,"image":"theirs:1"}`,
	`{"name":%q,"resources":{"limits":{"cpu":"1"}}}`,
	`{"name":%q,"env":[{"name":"THEIRS","value":"yes"}]}`,
	`{"name":%q,"command":["theirs"]}`,
	`{"name":"theirs","image":"theirs:1"}`,
}

// inject has somebody else set fields of an object.
func (s *situation) inject(c plan.Change, live *unstructured.Unstructured) {
	s.t.Helper()
	kind := live.GetKind()
	possible := slices.Clone(patches)
	possible = slices.DeleteFunc(possible, func(p struct{ kind, manager, patch string }) bool {
		return p.kind != kind && (p.kind != "" || chance(s.rng, 50))
	})
	if len(possible) == 0 {
		return
	}
	chosen := pick(s.rng, possible)
	how := types.MergePatchType
	if kind == "Deployment" && chance(s.rng, 40) {
		text := pick(s.rng, containerPatches)
		if strings.Contains(text, "%q") {
			text = fmt.Sprintf(text, live.GetName())
		}
		chosen.manager, chosen.patch, how = "kubectl-set", `{"spec":{"template":{"spec":{"containers":[`+text+`]}}}}`, types.StrategicMergePatchType
	}
	apply := how == types.MergePatchType && chance(s.rng, 25) && !strings.Contains(chosen.patch, "null")
	if apply {
		chosen.manager, chosen.patch, how = "argocd", s.applied(c.Object, chosen.patch), types.ApplyPatchType
	}
	options := []client.PatchOption{client.FieldOwner(chosen.manager)}
	if apply {
		options = append(options, client.ForceOwnership)
	}
	err := s.strangers.Client.Patch(s.t.Context(), c.Object.Object(), client.RawPatch(how, []byte(chosen.patch)), options...)
	if err != nil {
		if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return
		}
		s.t.Fatalf("%s of %s: %v", chosen.patch, c.Object.Describe(), err)
	}
	s.tell("%s has patched %s: %s", chosen.manager, c.Object.Describe(), chosen.patch)
}

// applied returns a patch as server-side apply takes it.
func (s *situation) applied(r plan.Ref, patch string) string {
	s.t.Helper()
	u := &unstructured.Unstructured{}
	s.must(json.Unmarshal([]byte(patch), &u.Object))
	o := r.Object()
	u.SetAPIVersion(o.GetAPIVersion())
	u.SetKind(o.GetKind())
	u.SetNamespace(r.Namespace)
	u.SetName(r.Name)
	data, err := json.Marshal(u.Object)
	s.must(err)
	return string(data)
}

func (s *situation) waitGone(r plan.Ref) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); s.get(r) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s is not gone", r.Describe())
		}
	}
}

// createObjects makes custom resources of what is defined.
func (s *situation) createObjects() {
	s.t.Helper()
	for _, d := range s.definitions() {
		if !strings.HasPrefix(d.GetName(), "disks.") || chance(s.rng, 50) {
			continue
		}
		versions, _, _ := unstructured.NestedSlice(d.Object, "spec", "versions")
		for _, v := range versions {
			version := v.(map[string]any)
			if version["storage"] == true {
				s.createObject(d, version["name"].(string))
			}
		}
	}
}

// definitions returns those that there are.
func (s *situation) definitions() []*unstructured.Unstructured {
	s.t.Helper()
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinitionList"})
	s.must(s.strangers.Client.List(s.t.Context(), all))
	var list []*unstructured.Unstructured
	for i := range all.Items {
		if strings.Contains(all.Items[i].GetName(), s.token) {
			list = append(list, &all.Items[i])
		}
	}
	return list
}

func (s *situation) createObject(d *unstructured.Unstructured, version string) {
	group, _, _ := unstructured.NestedString(d.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(d.Object, "spec", "names", "kind")
	scope, _, _ := unstructured.NestedString(d.Object, "spec", "scope")
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(1), "mode": "slow"}}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	u.SetName("one")
	where := "the cluster"
	if scope == "Namespaced" {
		if len(s.environments) == 0 {
			return
		}
		_, where = s.place()
		u.SetNamespace(where)
	}
	plural, _, _ := unstructured.NestedString(d.Object, "spec", "names", "plural")
	// The API server serves it before it lists it among what it serves.
	resource := s.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	if _, err := resource.Namespace(u.GetNamespace()).Create(s.t.Context(), u, metav1.CreateOptions{}); err != nil {
		s.tell("there could be no %s: %v", kind, err)
		return
	}
	s.tell("there is a %s.%s in %s", kind, group, where)
}
