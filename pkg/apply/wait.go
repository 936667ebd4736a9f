// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

const (
	definitionTimeout = time.Minute
	pollInterval      = 250 * time.Millisecond
)

// Observer is told, while waiting, what an object is waiting for, each time
// that it is something else.
type Observer func(object, message string)

// Wait waits until every object is what it should be, as kstatus understands
// it: a Deployment available, a CRD established. It ends with ctx, and the
// error says what each object still waited for.
func (a *Applier) Wait(ctx context.Context, objects []*unstructured.Unstructured, observe Observer) error {
	return a.poll(ctx, objects, "ready", observe, func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		live, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) {
			return "not there yet", nil
		}
		if err != nil {
			return "", err
		}
		return a.readiness(ctx, live)
	})
}

// readiness returns what an object waits for, "" for nothing.
func (a *Applier) readiness(ctx context.Context, live *unstructured.Unstructured) (string, error) {
	result, err := status.Compute(live)
	if err != nil || result.Status == status.CurrentStatus {
		return "", err
	}
	return result.Message + a.podTrouble(ctx, live), nil
}

// waitForDefinitions waits until the CRDs of a stage, which were applied, are
// served. One that is deleted, whose deletion may have begun before, is a
// conflict with whoever deletes it.
func (a *Applier) waitForDefinitions(ctx context.Context, stage []*unstructured.Unstructured) error {
	var definitions []*unstructured.Unstructured
	for _, o := range stage {
		if o.GetKind() == "CustomResourceDefinition" {
			definitions = append(definitions, o)
		}
	}
	if len(definitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, definitionTimeout)
	defer cancel()
	return a.poll(ctx, definitions, "ready", nil, func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		live, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) || err == nil && live.GetDeletionTimestamp() != nil {
			resource := schema.GroupResource{Group: o.GroupVersionKind().Group, Resource: "customresourcedefinitions"}
			return "", apierrors.NewConflict(resource, o.GetName(), errors.New("someone else deletes it at the same time"))
		}
		if err != nil {
			return "", err
		}
		return a.readiness(ctx, live)
	})
}

// get returns an object as it is now.
func (a *Applier) get(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(o.GroupVersionKind())
	return live, a.client.Get(ctx, client.ObjectKeyFromObject(o), live)
}

// WaitDeleted waits until none of the objects is there any more, and for a
// Deployment also until its pods have ended: they outlive it.
func (a *Applier) WaitDeleted(ctx context.Context, objects []*unstructured.Unstructured, observe Observer) error {
	return a.poll(ctx, objects, "gone", observe, func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		live, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) {
			if pods := a.pods(ctx, o); len(pods) > 0 {
				return fmt.Sprintf("its pod %s is ending", pods[0].Name), nil
			}
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if f := live.GetFinalizers(); len(f) > 0 {
			return "being deleted, held by finalizers " + strings.Join(f, ", "), nil
		}
		return "being deleted", nil
	})
}

// poll asks about each object until the answer is "", which is told to the
// observer as done.
func (a *Applier) poll(ctx context.Context, objects []*unstructured.Unstructured, done string, observe Observer,
	ask func(context.Context, *unstructured.Unstructured) (string, error),
) error {
	pending := map[*unstructured.Unstructured]string{}
	for _, o := range objects {
		pending[o] = ""
	}
	tell := func(o *unstructured.Unstructured, message string) {
		if observe != nil {
			observe(objectName(o), message)
		}
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		for o, last := range pending {
			message, err := ask(ctx, o)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				return fmt.Errorf("waiting for %s: %w", Describe(o), err)
			case message == "":
				delete(pending, o)
				if last != "" { // what did not take time is not worth a line
					tell(o, done)
				}
			case message != last:
				pending[o] = message
				tell(o, message)
			}
		}
		if len(pending) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return notReady(ctx, objects, pending)
		case <-ticker.C:
		}
	}
}

func notReady(ctx context.Context, objects []*unstructured.Unstructured, pending map[*unstructured.Unstructured]string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("waiting: %w", ctx.Err())
	}
	var lines []string
	var first *unstructured.Unstructured
	for _, o := range objects {
		if message, ok := pending[o]; ok {
			if first == nil {
				first = o
			}
			if message == "" {
				message = "the API server has not answered yet"
			}
			lines = append(lines, Describe(o)+": "+message)
		}
	}
	return hint.With(fmt.Errorf("timed out waiting for:\n%s", strings.Join(lines, "\n")),
		"everything is recorded, and goes on without this command; kubectl describe %s%s tells more", objectName(first), inNamespace(first))
}

// podTrouble says why the pods of a Deployment do not run: it is there that
// Kubernetes tells of images that cannot be pulled.
func (a *Applier) podTrouble(ctx context.Context, o *unstructured.Unstructured) string {
	for _, pod := range a.pods(ctx, o) {
		for _, c := range pod.Status.ContainerStatuses {
			if w := c.State.Waiting; w != nil && w.Message != "" {
				return fmt.Sprintf("; pod %s: %s: %s", pod.Name, w.Reason, w.Message)
			}
		}
		for _, c := range pod.Status.Conditions {
			if c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
				return fmt.Sprintf("; pod %s: %s", pod.Name, c.Message)
			}
		}
	}
	return ""
}

// pods returns the pods of a Deployment. Without the right to see pods, as for
// any other object, there are none.
func (a *Applier) pods(ctx context.Context, o *unstructured.Unstructured) []corev1.Pod {
	selector, found, err := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
	if err != nil || !found || o.GetKind() != "Deployment" {
		return nil
	}
	pods := &corev1.PodList{}
	if err := a.client.List(ctx, pods, client.InNamespace(o.GetNamespace()), client.MatchingLabels(selector)); err != nil {
		return nil
	}
	return pods.Items
}
