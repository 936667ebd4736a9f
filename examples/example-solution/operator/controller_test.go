// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

// These tests run against client-go's fake of the dynamic client, which keeps
// objects and sends events, but knows no schema, default, permission, generation
// or garbage collection. A real API server needs a cluster, which these do without.

// world is a fake cluster with a controller beside it.
type world struct {
	*controller
	fake   *fake.FakeDynamicClient
	writes *sync.Mutex // of Examples, which the controller and a test change
}

func newWorld(t *testing.T, objects ...runtime.Object) world {
	t.Helper()
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{exampleResource(): "ExampleList", deploymentResource(): "DeploymentList", serviceResource(): "ServiceList"}, objects...)
	file := filepath.Join(t.TempDir(), "operator.yaml")
	if err := os.WriteFile(file, []byte(goodConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &controller{
		client: client, namespace: "env", name: operatorName, version: "1.0.0",
		configFile: file, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	c.examples = newInformer(client, exampleResource(), c.namespace, "") // not running: seen() fills it
	w := world{controller: c, fake: client, writes: &sync.Mutex{}}
	client.PrependReactor("update", exampleResource().Resource, w.updateStatus)
	return w
}

// updateStatus changes nothing but the status, as an API server does and the
// fake does not: a controller that has yet to see a change of the spec would
// undo it.
func (w world) updateStatus(action clienttesting.Action) (handled bool, _ runtime.Object, _ error) {
	if action.GetSubresource() != "status" {
		return false, nil, nil
	}
	w.writes.Lock()
	defer w.writes.Unlock()
	written := action.(clienttesting.UpdateAction).GetObject().(*unstructured.Unstructured)
	obj, err := w.fake.Tracker().Get(exampleResource(), action.GetNamespace(), written.GetName())
	if err != nil {
		return true, nil, err
	}
	live := obj.DeepCopyObject().(*unstructured.Unstructured)
	live.Object["status"] = written.Object["status"]
	return true, live, w.fake.Tracker().Update(exampleResource(), live, action.GetNamespace())
}

// seen puts what the cluster holds of an Example into the controller's cache.
func (w world) seen(t *testing.T, name string) {
	t.Helper()
	if err := w.examples.GetStore().Add(w.get(t, exampleResource(), name)); err != nil {
		t.Fatal(err)
	}
}

// get reads from the cluster itself, so that the requests that are recorded are
// all the controller's. So do has, update and set.
func (w world) get(t *testing.T, gvr schema.GroupVersionResource, name string) *unstructured.Unstructured {
	t.Helper()
	obj, err := w.fake.Tracker().Get(gvr, "env", name)
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*unstructured.Unstructured)
}

// has tells whether the cluster holds the Deployment.
func (w world) has(name string) bool {
	_, err := w.fake.Tracker().Get(deploymentResource(), "env", name)
	return err == nil
}

func (w world) update(t *testing.T, gvr schema.GroupVersionResource, obj *unstructured.Unstructured) {
	t.Helper()
	w.writes.Lock()
	defer w.writes.Unlock()
	if err := w.fake.Tracker().Update(gvr, obj, "env"); err != nil {
		t.Fatal(err)
	}
}

// reconciled lets the controller handle an Example, and returns the requests
// that it made: "verb resource".
func (w world) reconciled(t *testing.T, name string) []string {
	t.Helper()
	w.seen(t, name)
	w.fake.ClearActions()
	if err := w.reconcile(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return w.requests()
}

func (w world) requests() []string {
	var out []string
	for _, a := range w.fake.Actions() {
		request := a.GetVerb() + " " + a.GetResource().Resource
		if a.GetSubresource() != "" {
			request += "/" + a.GetSubresource()
		}
		out = append(out, request)
	}
	return out
}

func (w world) status(t *testing.T, name string) object {
	t.Helper()
	status, _, err := unstructured.NestedMap(w.get(t, exampleResource(), name).Object, "status")
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// set changes one field of an object in the cluster.
func (w world) set(t *testing.T, gvr schema.GroupVersionResource, name string, value any, path ...string) {
	t.Helper()
	obj := w.get(t, gvr, name)
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		t.Fatal(err)
	}
	w.update(t, gvr, obj)
}

func checkRequests(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestCreatesThenLeavesAlone(t *testing.T) {
	w := newWorld(t, newExample("hello", object{"replicas": int64(2)}))
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "create deployments", "get services", "create services", "update examples/status")
	want := object{
		"observedGeneration": int64(3),
		"phase":              phaseProgressing,
		"version":            "1.0.0",
		"readyReplicas":      int64(0),
		"image":              "registry:5000/example-solution-1.0.0/example-app:1.0.0",
	}
	if diff := cmp.Diff(want, w.status(t, "hello")); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "get services")
}

func TestFollowsTheExample(t *testing.T) {
	w := newWorld(t, newExample("hello", object{}))
	w.reconciled(t, "hello")
	w.set(t, deploymentResource(), "hello", "kept", "metadata", "annotations", "somebody.else/field")
	w.set(t, exampleResource(), "hello", "2.0.0", "spec", "version")
	w.set(t, exampleResource(), "hello", int64(5), "spec", "replicas")
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "patch deployments", "get services", "update examples/status")

	got := w.get(t, deploymentResource(), "hello")
	want := deploymentFor(w.get(t, exampleResource(), "hello"), "registry:5000/example-solution-2.0.0/example-app:2.0.0", 5, operatorName)
	want.SetAnnotations(map[string]string{"somebody.else/field": "kept"})
	if diff := cmp.Diff(want.Object, got.Object); diff != "" {
		t.Errorf("Deployment (-want +got):\n%s", diff)
	}
}

func TestUndoesOtherChanges(t *testing.T) {
	w := newWorld(t, newExample("hello", object{}))
	w.reconciled(t, "hello")
	w.set(t, deploymentResource(), "hello", int64(9), "spec", "replicas")
	w.set(t, serviceResource(), "hello", "another", "spec", "selector", "app")
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "patch deployments", "get services", "patch services")
	if n, _, _ := unstructured.NestedInt64(w.get(t, deploymentResource(), "hello").Object, "spec", "replicas"); n != 1 {
		t.Errorf("replicas = %d, want 1", n)
	}
	if app, _, _ := unstructured.NestedString(w.get(t, serviceResource(), "hello").Object, "spec", "selector", "app"); app != "hello" {
		t.Errorf("the Service selects %s", app)
	}
}

func TestLeavesTheDeploymentsOfOthers(t *testing.T) {
	for name, version := range map[string]string{"available": "1.0.0", "not available": "9.9.9"} {
		t.Run(name, func(t *testing.T) {
			foreign := deploymentFor(newExample("other", object{}), "theirs", 1, "somebody")
			foreign.SetName("hello")
			w := newWorld(t, newExample("hello", object{"version": version}), foreign)
			checkRequests(t, w.reconciled(t, "hello"), "get deployments", "update examples/status")
			if diff := cmp.Diff(foreign.Object, w.get(t, deploymentResource(), "hello").Object); diff != "" {
				t.Errorf("it was changed:\n%s", diff)
			}
			if phase := w.status(t, "hello")["phase"]; phase != phaseUnavailable {
				t.Errorf("phase is %v", phase)
			}
		})
	}
}

func TestLeavesTheServicesOfOthers(t *testing.T) {
	foreign := serviceFor(newExample("other", object{}), "somebody")
	foreign.SetName("hello")
	w := newWorld(t, newExample("hello", object{}), foreign)
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "create deployments", "get services", "update examples/status")
	if diff := cmp.Diff(foreign.Object, w.get(t, serviceResource(), "hello").Object); diff != "" {
		t.Errorf("it was changed:\n%s", diff)
	}
	if message := w.status(t, "hello")["message"]; message != "Service hello exists already and is not of this Example" {
		t.Errorf("message is %v", message)
	}
}

func TestVersionRemoved(t *testing.T) {
	w := newWorld(t, newExample("hello", object{"version": "2.0.0"}))
	w.reconciled(t, "hello")
	running := w.get(t, deploymentResource(), "hello")
	only := strings.ReplaceAll(goodConfig, "2.0.0", "2.1.0")
	if err := os.WriteFile(w.configFile, []byte(only), 0o600); err != nil {
		t.Fatal(err)
	}
	checkRequests(t, w.reconciled(t, "hello"), "get deployments", "update examples/status")
	if diff := cmp.Diff(running.Object, w.get(t, deploymentResource(), "hello").Object); diff != "" {
		t.Errorf("what runs was changed:\n%s", diff)
	}
	if message := w.status(t, "hello")["message"]; message != "version 2.0.0 is not available; imported: 1.0.0, 2.1.0, 3.0.0" {
		t.Errorf("message is %v", message)
	}
}

func TestDeletedExamples(t *testing.T) {
	leaving := newExample("leaving", object{})
	leaving.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(0, 0)})
	leaving.SetFinalizers([]string{"somebody.else/finalizer"})
	w := newWorld(t, leaving)
	checkRequests(t, w.reconciled(t, "leaving"))
	if err := w.reconcile(t.Context(), "gone"); err != nil {
		t.Errorf("an Example that is gone: %v", err)
	}
}

func TestErrorsAreRetried(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{}, "hello")
	for _, tc := range []struct {
		name           string
		verb, resource string
		err            error
		want           error
	}{
		{"reading", "get", "deployments", errors.New("broken"), errors.New("reading deployments hello: broken")},
		{"creating", "create", "deployments", errors.New("broken"), errors.New("broken")},
		{"reporting", "update", "examples", errors.New("broken"), errors.New("writing the status: broken")},
		{"deleted meanwhile", "update", "examples", gone, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, newExample("hello", object{}))
			w.seen(t, "hello")
			w.fake.PrependReactor(tc.verb, tc.resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tc.err })
			err := w.reconcile(t.Context(), "hello")
			if (err == nil) != (tc.want == nil) || err != nil && err.Error() != tc.want.Error() {
				t.Errorf("error is %v, want %v", err, tc.want)
			}
		})
	}
}

func TestBrokenConfigTouchesNothing(t *testing.T) {
	w := newWorld(t, newExample("hello", object{}))
	w.seen(t, "hello")
	w.fake.ClearActions()
	if err := os.WriteFile(w.configFile, []byte("kind: Nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.reconcile(t.Context(), "hello"); err == nil || !strings.Contains(err.Error(), w.configFile) {
		t.Errorf("error is %v, want one with %s", err, w.configFile)
	}
	checkRequests(t, w.requests())
}

// eventually waits for cond, which the running controller brings about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// start runs the controller until the test ends, or stop is called.
func (w world) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.run(ctx) }()
	stop = func() {
		cancel()
		if err, ok := <-done; ok && err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	}
	t.Cleanup(func() { cancel() })
	return stop
}

// TestWatchLoop also compares every request of an Operator's life with the Role
// that each version of the Solution asks for: no right is missing, none is idle.
func TestWatchLoop(t *testing.T) {
	elsewhere := newExample("elsewhere", object{})
	elsewhere.SetNamespace("other")
	w := newWorld(t, newExample("hello", object{"replicas": int64(2)}), elsewhere)
	stop := w.start(t)
	exists := func(name string) func() bool { return func() bool { return w.has(name) } }
	image := func() string {
		list, _, _ := unstructured.NestedSlice(w.get(t, deploymentResource(), "hello").Object, "spec", "template", "spec", "containers")
		return list[0].(object)["image"].(string)
	}
	phase := func() any { return w.status(t, "hello")["phase"] }

	eventually(t, "an Example that was there has its Deployment", exists("hello"))
	eventually(t, "its status is written", func() bool { return phase() == phaseProgressing })

	ready := w.get(t, deploymentResource(), "hello")
	ready.Object["status"] = object{"replicas": int64(2), "updatedReplicas": int64(2), "readyReplicas": int64(2)}
	w.update(t, deploymentResource(), ready)
	eventually(t, "its status follows the Deployment's", func() bool { return phase() == phaseReady })

	changed := w.get(t, exampleResource(), "hello")
	changed.Object["spec"] = object{"version": "2.0.0"}
	w.update(t, exampleResource(), changed)
	eventually(t, "it is upgraded", func() bool { return strings.HasSuffix(image(), ":2.0.0") })

	w.set(t, serviceResource(), "hello", "another", "spec", "selector", "app")
	if err := w.fake.Tracker().Delete(deploymentResource(), "env", "hello"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a deleted Deployment comes back", exists("hello"))

	if err := w.fake.Tracker().Add(newExample("second", object{})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new Example has its Deployment", exists("second"))
	stop()
	if w.has("elsewhere") {
		t.Error("an Example of another namespace was taken")
	}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if diff := cmp.Diff(roleRights(t, version), w.rightsUsed(t)); diff != "" {
			t.Errorf("rights (-role.yaml of %s, +used):\n%s", version, diff)
		}
	}
}

// rightsUsed lists what the Operator asked of the cluster: "verb group/resource".
func (w world) rightsUsed(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, a := range w.fake.Actions() {
		if a.GetNamespace() != "env" {
			t.Errorf("%s %s in namespace %q", a.GetVerb(), a.GetResource().Resource, a.GetNamespace())
		}
		resource := a.GetResource().Resource
		if a.GetSubresource() != "" {
			resource += "/" + a.GetSubresource()
		}
		out = append(out, a.GetVerb()+" "+a.GetResource().Group+"/"+resource)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// roleRights reads the Role that is the first document of a version's role.yaml.
func roleRights(t *testing.T, version string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "versions", version, "operator", "deploy", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var role struct {
		Kind  string
		Rules []struct {
			APIGroups        []string `yaml:"apiGroups"`
			Resources, Verbs []string
		}
	}
	if err := yaml.Unmarshal(data, &role); err != nil || role.Kind != "Role" {
		t.Fatalf("first document: kind %q, error %v", role.Kind, err)
	}
	var out []string
	for _, r := range role.Rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					out = append(out, verb+" "+group+"/"+resource)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestStopsBeforeTheFirstList(t *testing.T) {
	w := newWorld(t)
	w.fake.PrependReactor("list", "examples", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no such resource")
	})
	w.start(t)()
}
