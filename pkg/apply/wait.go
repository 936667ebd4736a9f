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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

const (
	// DefaultTimeout bounds a wait for a definition or a deletion.
	DefaultTimeout = time.Minute
	pollInterval   = 250 * time.Millisecond
)

// Observer is told, while waiting, what an object is waiting for, each time
// that it is something else.
type Observer func(object, message string)

// timeoutError says that something was not there, or gone, in time.
type timeoutError struct{ lines []string }

func (e *timeoutError) Error() string {
	return "timed out waiting for " + strings.Join(e.lines, "; ")
}

func isTimeout(err error) bool {
	var timeout *timeoutError
	return errors.As(err, &timeout)
}

// asking returns what an object waits for, "" for nothing.
type asking func(context.Context, *unstructured.Unstructured) (string, error)

// wait waits for what a change says.
func (e *execution) wait(ctx context.Context, c *plan.Change) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout())
	defer cancel()
	ask, done := e.gone, "gone"
	o := c.Live
	if c.Wait == plan.WaitServed {
		ask, done, o = e.served(), "served", c.Manifest
	}
	return e.poll(ctx, []*unstructured.Unstructured{o}, done, e.observe, ask)
}

// observe tells the observer, which is not told twice at once.
func (e *execution) observe(object, message string) {
	if e.options.Observe == nil {
		return
	}
	e.observing.Lock()
	defer e.observing.Unlock()
	e.options.Observe(object, message)
}

// Wait waits until every object is what it should be, as kstatus understands
// it: a Deployment available. It ends with ctx, and the error says what each
// object still waited for.
func (a *Applier) Wait(ctx context.Context, objects []*unstructured.Unstructured, observe Observer) error {
	return a.poll(ctx, objects, "ready", observe, func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		live, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) {
			return "not there yet", nil
		}
		if err != nil {
			return "", err
		}
		result, err := status.Compute(live)
		if err != nil || result.Status == status.CurrentStatus {
			return "", err
		}
		return result.Message + a.podTrouble(ctx, live), nil
	})
}

// served returns what waits until a CustomResourceDefinition is served. It asks
// for the objects of it, which is cheap, and not for the definition itself,
// which may be large; that it asks now and then, for why it takes so long.
func (a *Applier) served() asking {
	const lookEvery = 5 * time.Second
	looked := time.Now()
	return func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		if time.Since(looked) < lookEvery {
			isServed, err := a.isServed(ctx, o)
			if isServed || err != nil {
				return "", err
			}
			return "not served yet", nil
		}
		looked = time.Now()
		live, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) || err == nil && live.GetDeletionTimestamp() != nil {
			return "", deletedMeanwhile(o)
		}
		if err != nil {
			return "", err
		}
		result, err := status.Compute(live)
		if err != nil || result.Status == status.CurrentStatus {
			return "", err
		}
		return result.Message, nil
	}
}

// isServed asks for objects of the kind that a definition defines.
func (a *Applier) isServed(ctx context.Context, definition *unstructured.Unstructured) (bool, error) {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, item := range versions {
		version, _ := item.(map[string]any)
		name, _ := version["name"].(string)
		if served, _ := version["served"].(bool); !served || name == "" {
			continue
		}
		err := a.raw.Get().AbsPath("/apis", group, name, plural).Param("limit", "1").
			SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(ctx).Error()
		switch {
		case apierrors.IsNotFound(err):
			return false, nil
		case err == nil, apierrors.IsInternalError(err): // its webhook is not there yet
			return true, nil
		case apierrors.IsForbidden(err):
			return false, nil // the definition's own conditions tell
		}
		return false, err
	}
	return true, nil
}

// WaitDeleted waits until none of the objects is there any more, and for a
// Deployment also until its pods have ended: they outlive it.
func (a *Applier) WaitDeleted(ctx context.Context, objects []*unstructured.Unstructured, observe Observer) error {
	return a.poll(ctx, objects, "gone", observe, a.gone)
}

// waitGone waits until an object that is to be created again is gone.
func (a *Applier) waitGone(ctx context.Context, o *unstructured.Unstructured, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return a.poll(ctx, []*unstructured.Unstructured{o}, "gone", nil, func(ctx context.Context, o *unstructured.Unstructured) (string, error) {
		_, err := a.get(ctx, o)
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		return "being deleted", err
	})
}

func (a *Applier) gone(ctx context.Context, o *unstructured.Unstructured) (string, error) {
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
	if held := a.held(ctx, live); held != "" {
		return "being deleted, held by " + held, nil
	}
	return "being deleted", nil
}

// held returns what keeps an object from being deleted: its finalizers, those of
// the custom resources of a definition, or what the conditions of a namespace
// say.
func (a *Applier) held(ctx context.Context, live *unstructured.Unstructured) string {
	switch live.GetKind() {
	case "CustomResourceDefinition":
		if held := a.heldObjects(ctx, live); held != "" {
			return held
		}
	case "Namespace":
		return namespaceHeld(live)
	}
	if f := live.GetFinalizers(); len(f) > 0 {
		return "finalizers " + strings.Join(f, ", ")
	}
	return ""
}

// heldObjects returns the custom resources of a definition that have finalizers.
func (a *Applier) heldObjects(ctx context.Context, definition *unstructured.Unstructured) string {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	stored, _, _ := unstructured.NestedStringSlice(definition.Object, "status", "storedVersions")
	if len(stored) == 0 || a.raw == nil {
		return ""
	}
	const most = 3
	list := &metav1.PartialObjectMetadataList{}
	data, err := a.raw.Get().AbsPath("/apis", group, stored[len(stored)-1], plural).Param("limit", "500").
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(ctx).Raw()
	if err != nil || decodeList(data, list) != nil {
		return ""
	}
	var held []string
	for i := range list.Items {
		if o := &list.Items[i]; len(o.Finalizers) > 0 && len(held) < most {
			held = append(held, fmt.Sprintf("%s, which has finalizer %s", join(o.Namespace, o.Name), strings.Join(o.Finalizers, ", ")))
		}
	}
	return strings.Join(held, "; ")
}

// namespaceHeld returns what the API server says of a namespace that does not
// become empty.
func namespaceHeld(live *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	var texts []string
	for _, item := range conditions {
		c, _ := item.(map[string]any)
		if c["status"] == "True" && c["type"] != "NamespaceDeletionDiscoveryFailure" {
			if message, _ := c["message"].(string); message != "" {
				texts = append(texts, message)
			}
		}
	}
	return strings.Join(texts, "; ")
}

// poll asks about each object until the answer is "", which is told to the
// observer as done.
func (a *Applier) poll(ctx context.Context, objects []*unstructured.Unstructured, done string, observe Observer, ask asking) error {
	pending := map[*unstructured.Unstructured]string{}
	for _, o := range objects {
		pending[o] = ""
	}
	tell := func(o *unstructured.Unstructured, message string) {
		if observe != nil {
			observe(plan.RefOf(o).String(), message)
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
				return fmt.Errorf("waiting for %s: %w", describe(o), err)
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
	timeout := &timeoutError{}
	var first *unstructured.Unstructured
	for _, o := range objects {
		if message, ok := pending[o]; ok {
			if first == nil {
				first = o
			}
			if message == "" {
				message = "the API server has not answered yet"
			}
			timeout.lines = append(timeout.lines, describe(o)+": "+message)
		}
	}
	return hint.With(timeout, "it goes on without this command; kubectl describe %s%s tells more",
		plan.RefOf(first), inNamespace(first.GetNamespace()))
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

func join(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}
