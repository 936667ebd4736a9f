// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// resyncPeriod is how often every Example is looked at without an event, so that
// a version imported meanwhile, which only changes the configuration file, is found.
const resyncPeriod = 30 * time.Second

// controller makes the Deployments and Services of one namespace match its Examples.
type controller struct {
	client     dynamic.Interface
	namespace  string
	name       string // the Operator's, as label of what it makes
	version    string // the Operator's own
	configFile string
	log        *slog.Logger

	examples cache.SharedIndexInformer
	queue    workqueue.TypedRateLimitingInterface[string] // names of Examples
}

// run works until ctx is done. Where the CRD is not there yet it waits for it.
func (c *controller) run(ctx context.Context) error {
	c.queue = workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	c.examples = newInformer(c.client, exampleResource(), c.namespace, "")
	deployments := newInformer(c.client, deploymentResource(), c.namespace, labelManagedBy+"="+c.name)
	exampleEvents, err := c.examples.AddEventHandler(onEvery(c.enqueueExample))
	if err != nil {
		return fmt.Errorf("watching examples: %w", err)
	}
	deploymentEvents, err := deployments.AddEventHandler(onEvery(c.enqueueOwner))
	if err != nil {
		return fmt.Errorf("watching deployments: %w", err)
	}
	go c.examples.RunWithContext(ctx)
	go deployments.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), exampleEvents.HasSynced, deploymentEvents.HasSynced) {
		return nil // told to stop before there was anything to do
	}
	c.log.Info("watching", "namespace", c.namespace)
	defer context.AfterFunc(ctx, c.queue.ShutDown)()
	for c.next(ctx) {
	}
	return nil
}

// next handles one Example, and is false once the queue is shut down.
func (c *controller) next(ctx context.Context) bool {
	name, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(name)
	err := c.reconcile(ctx, name)
	switch {
	case err == nil:
		c.queue.Forget(name)
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err):
		// The cache was older than the cluster; it catches up.
		c.queue.AddRateLimited(name)
	case errors.Is(err, context.Canceled):
		// Stopping.
	default:
		c.log.Error("reconciling failed, trying again", "example", name, "error", err)
		c.queue.AddRateLimited(name)
	}
	return true
}

// reconcile brings one Example's Deployment and status up to date. One that is
// being deleted is left to the garbage collector.
func (c *controller) reconcile(ctx context.Context, name string) error {
	item, exists, err := c.examples.GetStore().GetByKey(c.namespace + "/" + name)
	if err != nil || !exists {
		return err
	}
	ex := item.(*unstructured.Unstructured)
	if ex.GetDeletionTimestamp() != nil {
		return nil
	}
	cfg, err := loadConfig(c.configFile)
	if err != nil {
		return err
	}
	o := reconcileExample(ex, cfg, c.name, c.version)
	live, err := c.ensure(ctx, ex, deploymentResource(), o.deployment, &o)
	if err == nil && o.message == "" {
		_, err = c.ensure(ctx, ex, serviceResource(), o.service, &o)
	}
	if err != nil {
		return err
	}
	return c.report(ctx, ex, statusOf(ex, o, live))
}

// ensure creates or patches an object of the Example's name, and returns the one
// that exists then; where nothing is wanted it only looks. An object that is not
// this Example's is never touched: o then says so.
func (c *controller) ensure(ctx context.Context, ex *unstructured.Unstructured, resource schema.GroupVersionResource, want *unstructured.Unstructured, o *outcome) (*unstructured.Unstructured, error) {
	objects := c.client.Resource(resource).Namespace(c.namespace)
	name := ex.GetName()
	live, err := objects.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && want == nil:
		return nil, nil
	case apierrors.IsNotFound(err):
		c.log.Info("creating", "resource", resource.Resource, "example", name, "image", o.image)
		return objects.Create(ctx, want, metav1.CreateOptions{})
	case err != nil:
		return nil, fmt.Errorf("reading %s %s: %w", resource.Resource, name, err)
	case !controlledBy(live, ex):
		if o.message == "" {
			o.message = fmt.Sprintf("%s %s exists already and is not of this Example", live.GetKind(), name)
		}
		return nil, nil
	case want == nil || contains(live.Object, want.Object):
		return live, nil
	}
	patch, err := json.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("encoding %s %s: %w", resource.Resource, name, err)
	}
	c.log.Info("updating", "resource", resource.Resource, "example", name, "image", o.image)
	return objects.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
}

// report writes the status where it is another than before: a write that
// changes nothing would still be a request for each resync of each Example.
func (c *controller) report(ctx context.Context, ex *unstructured.Unstructured, status exampleStatus) error {
	updated, err := withStatus(ex, status)
	if err != nil {
		return err
	}
	if reflect.DeepEqual(updated.Object["status"], ex.Object["status"]) {
		return nil
	}
	_, err = c.client.Resource(exampleResource()).Namespace(c.namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	c.log.Info("status", "example", ex.GetName(), "phase", status.Phase, "wanted", status.Version,
		"ready", status.ReadyReplicas, "message", status.Message)
	return nil
}
