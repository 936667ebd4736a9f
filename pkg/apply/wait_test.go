// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// soon is enough for some polls, also on a machine with much to do.
const soon = 2 * time.Second

const deployment = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: $NS}, spec: {replicas: 1, selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: registry/x:1}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: $NS}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: none, namespace: $NS}}`

// Nothing here runs pods, so that a Deployment is never available.
func TestWaitTimesOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(deployment)
	f.make(objects[:2]...)
	var told []string
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	err := f.applier.Wait(ctx, objects, func(object, message string) { told = append(told, object+": "+message) })
	if err == nil {
		t.Fatal("no error")
	}
	const before, after = "timed out waiting for deployment.apps/d in namespace $NS: ", "; configmap/none in namespace $NS: not there yet"
	if got := f.text(err); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || got == before+after {
		t.Errorf("%v", err)
	}
	want := "it goes on without this command; kubectl describe deployment.apps/d --namespace " + f.namespace + " tells more"
	if hint.Of(err) != want {
		t.Errorf("hint %s, want %s", hint.Of(err), want)
	}
	// A ConfigMap is what it should be as soon as it is there.
	for _, line := range told {
		if strings.HasPrefix(line, "configmap/a:") {
			t.Errorf("told %q", line)
		}
	}
	if len(told) < 2 {
		t.Errorf("told %q", told)
	}
}

// Why its pods do not run is on the pods. Their status is set by hand, as a
// kubelet would.
func TestWaitTellsWhyPodsDoNotRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(deployment)[:1]
	pod := f.objects(`{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: $NS, labels: {app: d}}, spec: {schedulerName: none, automountServiceAccountToken: false, containers: [{name: c, image: registry/x:1}]}}`)[0]
	if err := unstructured.SetNestedField(objects[0].Object, int64(1), "spec", "replicas"); err != nil {
		t.Fatal(err)
	}
	f.make(objects...)
	makePod(f, pod)
	for status, want := range map[string]string{
		`{"containerStatuses":[{"name":"c","ready":false,"restartCount":0,"image":"","imageID":"","state":{"waiting":{"reason":"ErrImagePull","message":"registry/x:1: not found"}}}]}`: "; pod a: ErrImagePull: registry/x:1: not found",
		`{"containerStatuses":null,"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1 nodes are available"}]}`:                               "; pod a: 0/1 nodes are available",
	} {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":`+status+`}`))
		if err := f.client.Status().Patch(t.Context(), pod.DeepCopy(), patch); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		err := f.applier.Wait(ctx, objects, nil)
		cancel()
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// makePod creates a pod; where controllers run, one has first to make the
// namespace's service account.
func makePod(f *fixture, pod *unstructured.Unstructured) {
	f.t.Helper()
	var err error
	for range 100 {
		if err = f.client.Create(f.t.Context(), pod.DeepCopy()); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.t.Fatal(err)
}

func TestWaitForWhatIsReady(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(deployment)[1:]
	f.make(objects[:1]...)
	if err := f.applier.Wait(t.Context(), objects[:1], nil); err != nil {
		t.Error(err)
	}
	if err := f.applier.Wait(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
	// The other one is made once it has been waited for.
	var told []string
	err := f.applier.Wait(t.Context(), objects, func(object, message string) {
		told = append(told, object+": "+message)
		if len(told) == 1 {
			f.make(objects[1:]...)
		}
	})
	if got := strings.Join(told, ", "); err != nil || got != "configmap/none: not there yet, configmap/none: ready" {
		t.Errorf("%v, told %s", err, got)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(deployment)[2:]
	ctx, cancel := context.WithCancel(t.Context())
	err := f.applier.Wait(ctx, objects, func(string, string) { cancel() })
	if !errors.Is(err, context.Canceled) || err.Error() != "waiting: context canceled" {
		t.Errorf("canceled: %v", err)
	}
	ctx, cancel = context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	err = f.applier.Wait(ctx, objects, nil)
	if want := "timed out waiting for configmap/none in namespace " + f.namespace + ": the API server has not answered yet"; err == nil || err.Error() != want {
		t.Errorf("no time at all: %v; want %s", err, want)
	}
}

func TestWaitWithoutRights(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	err := f.limited().Wait(t.Context(), f.objects(deployment)[2:], nil)
	if want := fmt.Sprintf("waiting for configmap/none in namespace %s: configmaps %q is forbidden", f.namespace, "none"); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v; want %s", err, want)
	}
}

func TestWaitDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	objects := f.objects(`{apiVersion: v1, kind: ConfigMap, metadata: {name: stuck, namespace: $NS, finalizers: [example.com/one, example.com/two]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: none, namespace: $NS}}`)
	f.make(objects[0])
	if err := f.client.Delete(t.Context(), objects[0].DeepCopy()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	err := f.applier.WaitDeleted(ctx, objects, nil)
	if want := "timed out waiting for configmap/stuck in namespace " + f.namespace + ": being deleted, held by finalizers example.com/one, example.com/two"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	var told []string
	err = f.applier.WaitDeleted(t.Context(), objects, func(object, message string) {
		told = append(told, object+": "+message)
		if len(told) == 1 {
			patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
			if err := f.client.Patch(t.Context(), objects[0].DeepCopy(), patch); err != nil {
				t.Error(err)
			}
		}
	})
	if got := strings.Join(told, "; "); err != nil || got != "configmap/stuck: being deleted, held by finalizers example.com/one, example.com/two; configmap/stuck: gone" {
		t.Errorf("%v, told %s", err, got)
	}
}

// The Deployment is gone at once, and its pods take their time.
func TestWaitDeletedForPods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pod := f.objects(`{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: $NS, labels: {app: d}}, spec: {schedulerName: none, automountServiceAccountToken: false, containers: [{name: c, image: registry/x:1}]}}`)[0]
	makePod(f, pod)
	var told []string
	err := f.applier.WaitDeleted(t.Context(), f.objects(deployment)[:1], func(object, message string) {
		told = append(told, object+": "+message)
		if len(told) == 1 {
			if err := f.client.Delete(t.Context(), pod.DeepCopy()); err != nil {
				t.Error(err)
			}
		}
	})
	if got := strings.Join(told, "; "); err != nil || got != "deployment.apps/d: its pod a is ending; deployment.apps/d: gone" {
		t.Errorf("%v, told %s", err, got)
	}
}
