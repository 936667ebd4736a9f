// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// execute carries changes out, as the administrator.
func (f *fixture) execute(changes ...plan.Change) (*apply.Result, error) {
	f.t.Helper()
	p := &plan.Plan{Changes: changes}
	p.Sort()
	return f.applier.Execute(f.t.Context(), p, apply.ExecuteOptions{Timeout: soon})
}

// stagedObjects are each of the stage that is its place in the list.
const stagedObjects = `
{apiVersion: v1, kind: Namespace, metadata: {name: $NS-late}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: disks.$NS.example.com}
spec:
  group: $NS.example.com
  scope: Namespaced
  names: {kind: Disk, plural: disks}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: $NS-late, labels: {a: b}}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: $NS-late}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}`

const disk = `{apiVersion: $NS.example.com/v1, kind: Disk, metadata: {name: d, namespace: $NS}, spec: {size: 1}}`

func TestStages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(stagedObjects)
	f.cleanUp(objects[0])
	f.cleanUp(objects[1])
	changes := created(objects...)
	changes[1].Wait = plan.WaitServed
	result, err := f.applier.Execute(t.Context(), &plan.Plan{Changes: changes}, apply.ExecuteOptions{})
	late := " in " + f.namespace + "-late"
	want := "create namespace/$NS-late, create customresourcedefinition.apiextensions.k8s.io/disks.$NS.example.com, create role.rbac.authorization.k8s.io/r" + late +
		", create rolebinding.rbac.authorization.k8s.io/b" + late
	if err != nil || result.Err() != nil || f.lines(result.Changes) != want {
		t.Fatalf("%s, %v, %v\nwant %s", f.lines(result.Changes), err, result.Err(), want)
	}
	for i, o := range objects {
		live := f.live(o)
		if live == nil {
			t.Errorf("%s does not exist", changes[i].Object.Describe())
			continue
		}
		if !slices.ContainsFunc(live.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
			return m.Manager == "kubectl-solution" && m.Operation == metav1.ManagedFieldsOperationApply
		}) && o.GetKind() != "Namespace" {
			t.Errorf("%s was written by %v", changes[i].Object, live.GetManagedFields())
		}
		// What was made here is not changed by writing it.
		if o.GetResourceVersion() != "" || o.GetManagedFields() != nil {
			t.Errorf("changed: %v", o)
		}
	}
	// The definition is served by now.
	if err := f.get("/apis/" + f.namespace + ".example.com/v1/disks"); err != nil {
		t.Error(err)
	}
}

// get asks the server for a path.
func (f *fixture) get(path string) error {
	f.t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	return d.RESTClient().Get().AbsPath(path).Do(f.t.Context()).Error()
}

// What is none, and what is kept, is told and not written.
func TestWhatIsNotWritten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	changes := created(f.objects(twoConfigMaps)...)
	changes[0].Action, changes[1].Action = plan.None, plan.Keep
	result, err := f.execute(changes...)
	if err != nil || f.lines(result.Changes) != "none configmap/a, keep configmap/b" || f.exists(changes[0].Manifest) || f.exists(changes[1].Manifest) {
		t.Errorf("%s, %v", f.lines(result.Changes), err)
	}
}

// forbid has the server refuse ConfigMaps in a namespace.
func (f *fixture) forbid(namespace string) {
	f.t.Helper()
	policy := f.objects(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $NS}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ` + namespace + `}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  validations: [{expression: "!object.metadata.name.startsWith('denied')", message: not here}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $NS}
spec: {policyName: $NS, validationActions: [Deny]}`)
	for _, o := range policy {
		f.cleanUp(o)
	}
	f.make(policy...)
	probe := created(f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: denied, namespace: ` + namespace + `}}`)...)
	for range 200 {
		if p := f.check(f.applier, true, probe...); len(p.Refusals) > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.t.Fatal("the policy has no effect")
}

// configMapIn is a change that creates a ConfigMap.
func (f *fixture) configMapIn(namespace, name string, scope plan.Scope, stage plan.Stage) plan.Change {
	f.t.Helper()
	c := created(f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: ` + name + `, namespace: ` + namespace + `}}`)...)[0]
	c.Scope, c.Stage = scope, stage
	return c
}

// A namespace in which something is refused does not keep others from being
// served; what follows in its own scope is left out.
func TestFailuresStayInTheirScope(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bad := f.objects(`{apiVersion: v1, kind: Namespace, metadata: {name: $NS-bad}}`)[0]
	f.make(bad)
	f.cleanUp(bad)
	f.forbid(bad.GetName())
	inBad, inGood := plan.Scope{Solution: "s", Namespace: bad.GetName()}, plan.Scope{Solution: "s", Namespace: f.namespace}
	result, err := f.execute(
		f.configMapIn(bad.GetName(), "allowed", inBad, 1), f.configMapIn(bad.GetName(), "denied", inBad, 2), f.configMapIn(bad.GetName(), "allowed-after", inBad, 3),
		f.configMapIn(f.namespace, "denied", inGood, 2), f.configMapIn(f.namespace, "allowed", inGood, 3),
	)
	late := " in " + bad.GetName()
	if got, want := f.lines(result.Changes), "create configmap/allowed"+late+", create configmap/denied, create configmap/allowed"; err != nil || got != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if len(result.Failures) != 1 || result.Failures[0].Scope != inBad || result.Failures[0].Object.Name != "denied" {
		t.Fatalf("%+v", result.Failures)
	}
	const want = "Solution s in namespace $NS-bad: configmap/denied in namespace $NS-bad: "
	if got := f.text(result.Err()); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "denied request: not here") {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// What fails for a Solution keeps what is about it in namespaces; what fails
// there does not keep the Solution.
func TestFailureOfASolution(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	whole, part, other := plan.Scope{Solution: "s"}, plan.Scope{Solution: "s", Namespace: f.namespace}, plan.Scope{Namespace: f.namespace}
	bad := func(scope plan.Scope) plan.Change { return f.configMapIn(f.namespace, "Bad", scope, 1) }
	for name, tt := range map[string]struct {
		fails plan.Scope
		want  string
	}{
		"the Solution": {whole, "create configmap/other"},
		"a part of it": {part, "create configmap/whole, create configmap/other"},
		"another":      {other, "create configmap/whole, create configmap/part"},
	} {
		changes := []plan.Change{
			bad(tt.fails), f.configMapIn(f.namespace, "whole", whole, 2), f.configMapIn(f.namespace, "part", part, 2), f.configMapIn(f.namespace, "other", other, 2),
		}
		result, err := f.execute(changes...)
		if got := f.lines(result.Changes); err != nil || got != tt.want || len(result.Failures) != 1 {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tt.want)
		}
		for _, c := range changes[1:] {
			if err := f.client.Delete(t.Context(), c.Manifest.DeepCopy()); err != nil && !apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
		}
	}
	// What is of no scope ends it all.
	result, err := f.execute(f.configMapIn(f.namespace, "before", whole, 0), bad(plan.Scope{}), f.configMapIn(f.namespace, "after", whole, 2))
	if err == nil || !apierrors.IsInvalid(err) || f.lines(result.Changes) != "create configmap/before" || len(result.Failures) > 0 {
		t.Errorf("%s, %v", f.lines(result.Changes), err)
	}
}

// A conflict ends everything: what was planned is about something else by now.
func TestConflictOfAPut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	f.make(objects[0])
	put := plan.Change{
		Action: plan.Update, Object: plan.RefOf(objects[0]), Method: plan.Put, Manifest: with(f.live(objects[0]), "w", "data", "k"),
		Live: f.live(objects[0]), Scope: plan.Scope{Solution: "s"}, Stage: 1,
	}
	after := f.configMapIn(f.namespace, "b", plan.Scope{Solution: "another"}, 2)
	f.patch(objects[0], `{"data":{"k":"theirs"}}`)
	result, err := f.execute(put, after)
	if !apply.IsConflict(err) || len(result.Changes) > 0 || f.exists(after.Manifest) {
		t.Errorf("%s, %v", f.lines(result.Changes), err)
	}
	if got := f.live(objects[0]).Object["data"].(map[string]any)["k"]; got != "theirs" {
		t.Errorf("%v", got)
	}
	create := put
	create.Action, create.Manifest, create.Live = plan.Create, objects[0], nil
	if result, err = f.execute(create, after); !apply.IsConflict(err) || len(result.Changes) > 0 {
		t.Errorf("created meanwhile: %s, %v", f.lines(result.Changes), err)
	}
	put.Live = f.live(objects[0])
	put.Manifest = with(put.Live, "w", "data", "k")
	if result, err = f.execute(put, after); err != nil || f.lines(result.Changes) != "update configmap/a, create configmap/b" {
		t.Errorf("%s, %v", f.lines(result.Changes), err)
	}
	if got := f.live(objects[0]).Object["data"].(map[string]any)["k"]; got != "w" {
		t.Errorf("%v", got)
	}
}

func TestReplaceOfWhatIsImmutable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS}, immutable: true, data: {k: v}}`)[0]
	f.make(o)
	update := f.changed(with(o, "w", "data", "k"))[0]
	if got := f.refusals(f.check(f.applier, true, update)); len(got) != 1 || !strings.Contains(got[0], "field is immutable when `immutable` is set") {
		t.Errorf("updated: %q", got)
	}
	before := f.live(o)
	update.Action = plan.Replace
	result, err := f.execute(update)
	if err != nil || result.Err() != nil || f.lines(result.Changes) != "replace configmap/a" {
		t.Fatalf("%s, %v, %v", f.lines(result.Changes), err, result.Err())
	}
	after := f.live(o)
	if after.GetUID() == before.GetUID() || after.Object["data"].(map[string]any)["k"] != "w" {
		t.Errorf("%v", after.Object)
	}
	// Of what someone else has created again meanwhile, nothing is deleted.
	result, err = f.execute(update)
	if err != nil || len(result.Failures) != 1 || f.live(o).GetUID() != after.GetUID() {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	f.make(objects[0])
	patch := f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS, annotations: {x: set}}, data: {l: w}}`)[0]
	c := plan.Change{Action: plan.Update, Object: plan.RefOf(patch), Method: plan.Patch, Manifest: patch, Live: patch, Scope: plan.Scope{Solution: "s"}}
	if result, err := f.execute(c); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	live := f.live(objects[0])
	if diff := cmp.Diff(map[string]any{"k": "v", "l": "w"}, live.Object["data"]); diff != "" || live.GetAnnotations()["x"] != "set" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// It creates nothing.
	c.Object.Name = "b"
	c.Manifest = objects[1]
	if result, err := f.execute(c); err != nil || len(result.Failures) != 1 || !apierrors.IsNotFound(result.Err()) || f.exists(objects[1]) {
		t.Errorf("%+v, %v", result, err)
	}
}

const converting = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: disks.$NS.example.com}
spec:
  group: $NS.example.com
  scope: Namespaced
  names: {kind: Disk, plural: disks}
  conversion:
    strategy: Webhook
    webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: s, namespace: $NS}}}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]`

// A definition that converts no more keeps what an injector has filled in, which
// the server then refuses: so it is unset first.
func TestUnset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(converting)[0]
	f.make(o)
	f.cleanUp(o)
	f.patch(o, `{"spec":{"conversion":{"webhook":{"clientConfig":{"service":{"path":"/theirs"}}}}}}`)
	change := f.changed(with(o, map[string]any{"strategy": "None"}, "spec", "conversion"))[0]
	change.Scope = plan.Scope{Solution: "s"}
	if got := f.refusals(f.check(f.applier, false, change)); len(got) != 1 {
		t.Errorf("without unsetting: %q", got)
	}
	change.Unset = [][]string{{"spec", "conversion", "webhook"}}
	change.Wait = plan.WaitServed
	if result, err := f.execute(change); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	if diff := cmp.Diff(map[string]any{"strategy": "None"}, f.live(o).Object["spec"].(map[string]any)["conversion"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What exists is deleted only if it is still what was read.
func TestDelete(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.objects(twoConfigMaps)[0]
	f.make(o)
	deletion := f.deleted(o)
	result, err := f.execute(deletion...)
	if err != nil || f.lines(result.Changes) != "delete configmap/a" || f.exists(o) {
		t.Fatalf("%s, %v", f.lines(result.Changes), err)
	}
	if result, err = f.execute(deletion...); err != nil || result.Err() != nil {
		t.Errorf("what is gone already: %v, %v", err, result.Err())
	}
	f.make(o)
	result, err = f.execute(deletion...)
	if err != nil || len(result.Failures) != 1 || !apierrors.IsConflict(result.Err()) || !f.exists(o) {
		t.Errorf("what someone has created again: %+v, %v", result, err)
	}
	if p := f.check(f.applier, true, deletion...); len(p.Refusals) != 1 {
		t.Errorf("checked: %q", f.refusals(p))
	}
}

// What holds an object is told, and ends its scope.
func TestWaitGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: $NS, finalizers: [example.com/one, example.com/two]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: free, namespace: $NS}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: after, namespace: $NS}}`)
	f.make(objects...)
	changes := f.deleted(objects...)
	for i := range changes {
		changes[i].Scope, changes[i].Wait, changes[i].Stage = plan.Scope{Solution: "held"}, plan.WaitGone, plan.Stage(1+i/2)
	}
	changes[1].Scope.Solution = "free"
	p := &plan.Plan{Changes: changes}
	var told []string
	result, err := f.applier.Execute(t.Context(), p, apply.ExecuteOptions{Timeout: soon, Observe: func(object, message string) { told = append(told, object+": "+message) }})
	const want = "Solution held: timed out waiting for configmap/held in namespace $NS: being deleted, held by finalizers example.com/one, example.com/two"
	if err != nil || len(result.Failures) != 1 || f.text(result.Err()) != want {
		t.Fatalf("%v, %v\nwant %s", err, result.Err(), want)
	}
	if got := f.lines(result.Changes); got != "delete configmap/held, delete configmap/free" || !f.exists(objects[2]) || f.exists(objects[1]) {
		t.Errorf("%s", got)
	}
	if got := strings.Join(told, ", "); got != "configmap/held: being deleted, held by finalizers example.com/one, example.com/two" {
		t.Errorf("told %s", got)
	}
	f.patch(objects[0], `{"metadata":{"finalizers":null}}`)
}

// knowing returns a client that knows the kind of an object, and has created it.
func (f *fixture) knowing(o *unstructured.Unstructured) client.Client {
	f.t.Helper()
	var err error
	for range 100 {
		c := newClient(f.t, f.config)
		if err = c.Create(f.t.Context(), o.DeepCopy()); err == nil {
			return c
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.t.Fatal(err)
	return nil
}

// The custom resources of a definition are what holds it.
func TestWaitGoneOfADefinition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(stagedObjects)
	definition, disk := objects[1], f.objects(disk)[0]
	disk.SetFinalizers([]string{"example.com/held"})
	f.cleanUp(definition)
	change := created(definition)[0]
	change.Wait = plan.WaitServed
	if result, err := f.execute(change); err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	f.client = f.knowing(disk)
	deletion := f.deleted(definition)
	deletion[0].Wait, deletion[0].Scope = plan.WaitGone, plan.Scope{Solution: "s"}
	result, err := f.execute(deletion...)
	const want = "being deleted, held by $NS/d, which has finalizer example.com/held"
	if err != nil || result.Err() == nil || !strings.HasSuffix(f.text(result.Err()), want) {
		t.Errorf("%v, %v\nwant %s", err, result.Err(), want)
	}
	f.patch(disk, `{"metadata":{"finalizers":null}}`)
}

// Whoever applies a definition while someone else deletes it is told at once: it
// would be gone before it is served.
func TestDefinitionThatIsDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	definition := f.objects(stagedObjects)[1]
	definition.SetFinalizers([]string{"example.com/held"})
	f.cleanUp(definition)
	f.make(definition)
	if err := f.client.Delete(t.Context(), definition.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	change := f.changed(definition)[0]
	change.Wait = plan.WaitServed
	change.Scope = plan.Scope{Solution: "s"}
	result, err := f.applier.Execute(t.Context(), &plan.Plan{Changes: []plan.Change{change}}, apply.ExecuteOptions{})
	if err != nil || !apierrors.IsConflict(result.Err()) || !strings.Contains(result.Err().Error(), "someone else deletes it at the same time") {
		t.Errorf("%v, %v", err, result.Err())
	}
	f.patch(definition, `{"metadata":{"finalizers":null}}`)
}

// Before the first deletion, and only then, it is made sure that the plan is
// still about what there is.
func TestCurrent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(twoConfigMaps)
	f.make(objects...)
	asked := 0
	answer := errors.New("not any more")
	options := apply.ExecuteOptions{Current: func(context.Context) error { asked++; return answer }}
	changes := append([]plan.Change{f.configMapIn(f.namespace, "first", plan.Scope{}, 0)}, f.deleted(objects...)...)
	changes[2].Stage++
	result, err := f.applier.Execute(t.Context(), &plan.Plan{Changes: changes}, options)
	if !errors.Is(err, answer) || asked != 1 || f.lines(result.Changes) != "create configmap/first" || !f.exists(objects[0]) {
		t.Errorf("%s, %v, asked %d times", f.lines(result.Changes), err, asked)
	}
	asked, answer = 0, nil
	result, err = f.applier.Execute(t.Context(), &plan.Plan{Changes: changes[1:]}, options)
	if err != nil || asked != 1 || f.lines(result.Changes) != "delete configmap/a, delete configmap/b" {
		t.Errorf("%s, %v, asked %d times", f.lines(result.Changes), err, asked)
	}
	asked = 0
	if _, err = f.applier.Execute(t.Context(), &plan.Plan{Changes: changes[:1]}, options); err != nil || asked != 0 {
		t.Errorf("nothing is deleted: %v, asked %d times", err, asked)
	}
}

func TestExecutionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	changes := created(f.objects(twoConfigMaps)...)
	result, err := f.applier.Execute(ctx, &plan.Plan{Changes: changes}, apply.ExecuteOptions{})
	if !errors.Is(err, context.Canceled) || len(result.Changes)+len(result.Failures) > 0 || f.exists(changes[0].Manifest) {
		t.Errorf("%+v, %v", result, err)
	}
}

// A plan for what is really there, and what the server makes of it, leads to an
// empty plan: of every kind that is deployed.
func TestAPlanCarriedOutLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := plan.NamespaceInput{Namespace: f.namespace, Targets: []plan.Target{targetIn(f.namespace)}, Live: plan.NewLive()}
	p := plan.Namespace(in)
	if len(p.Changes) != 10 || len(p.Refusals) > 0 {
		t.Fatalf("%s, %q", f.lines(p.Changes), f.refusals(p))
	}
	if got := f.refusals(f.check(f.applier, true, p.Changes...)); len(got) > 0 {
		t.Fatalf("refused: %q", got)
	}
	result, err := f.execute(p.Changes...)
	if err != nil || result.Err() != nil {
		t.Fatal(err, result.Err())
	}
	var live []*unstructured.Unstructured
	for _, c := range p.Changes {
		live = append(live, f.live(c.Manifest))
	}
	in.Live = plan.NewLive(live...)
	for _, c := range plan.Namespace(in).Changes {
		if c.Writes() {
			t.Errorf("%s %s again: %+v", c.Action, c.Object, c.Fields)
		}
	}
}
