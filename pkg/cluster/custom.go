// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Resource is a kind of custom resource.
type Resource struct{ Group, Version, Kind string }

// ServedResource returns the kind that a CustomResourceDefinition defines, in
// one of the versions that it serves, and false where it serves none.
func ServedResource(definition *unstructured.Unstructured) (Resource, bool) {
	r := Resource{}
	r.Group, _, _ = unstructured.NestedString(definition.Object, "spec", "group")
	r.Kind, _, _ = unstructured.NestedString(definition.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, item := range versions {
		version, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if served, _ := version["served"].(bool); served {
			r.Version, _ = version["name"].(string)
		}
	}
	return r, r.Version != ""
}

// CustomResources returns the metadata of the custom resources of a kind, in a
// namespace or, where it is "", in all. A kind that the server does not know
// has none.
func (r *Reader) CustomResources(ctx context.Context, kind Resource, namespace string) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind + "List"})
	err := r.Client.List(ctx, list, client.InNamespace(namespace))
	if isUnknownKind(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing objects of kind %s.%s: %w", kind.Kind, kind.Group, err)
	}
	return list.Items, nil
}

// WholeResources calls do with the custom resources of a kind in all namespaces,
// whole, some hundred at a time.
func (r *Reader) WholeResources(ctx context.Context, kind Resource, do func([]unstructured.Unstructured) error) error {
	const page = 500
	next := ""
	for {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind + "List"})
		err := r.Client.List(ctx, list, client.Limit(page), client.Continue(next))
		if isUnknownKind(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing objects of kind %s.%s: %w", kind.Kind, kind.Group, err)
		}
		if err := do(list.Items); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// isUnknownKind reports whether the server does not serve a kind.
func isUnknownKind(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
}
