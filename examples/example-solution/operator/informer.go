// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// newInformer watches one resource in one namespace, of the objects that the
// label selector takes ("" for all). It is made by hand because client-go's
// package dynamicinformer links every typed API of Kubernetes.
func newInformer(client dynamic.Interface, gvr schema.GroupVersionResource, namespace, selector string) cache.SharedIndexInformer {
	resource := client.Resource(gvr).Namespace(namespace)
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return resource.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			return resource.Watch(ctx, o)
		},
	}
	return cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(lw, client),
		&unstructured.Unstructured{}, resyncPeriod, cache.Indexers{})
}

// onEvery calls f with the object of every event.
func onEvery(f func(*unstructured.Unstructured)) cache.ResourceEventHandler {
	call := func(obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if u, ok := obj.(*unstructured.Unstructured); ok {
			f(u)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    call,
		UpdateFunc: func(_, obj any) { call(obj) },
		DeleteFunc: call,
	}
}

func (c *controller) enqueueExample(ex *unstructured.Unstructured) { c.queue.Add(ex.GetName()) }

// enqueueOwner queues the Example that a Deployment belongs to, if any.
func (c *controller) enqueueOwner(d *unstructured.Unstructured) {
	if owner := metav1.GetControllerOf(d); owner != nil && owner.Kind == exampleKind {
		c.queue.Add(owner.Name)
	}
}
