// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Resource is a kind of custom resource.
type Resource struct{ Group, Version, Kind, Plural string }

// ServedResource returns the kind that a CustomResourceDefinition defines, in
// one of the versions that it serves, and false where it serves none.
func ServedResource(definition *unstructured.Unstructured) (Resource, bool) {
	r := Resource{}
	r.Group, _, _ = unstructured.NestedString(definition.Object, "spec", "group")
	r.Kind, _, _ = unstructured.NestedString(definition.Object, "spec", "names", "kind")
	r.Plural, _, _ = unstructured.NestedString(definition.Object, "spec", "names", "plural")
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
// namespace or, where it is "", in all. A kind that the server does not serve
// has none.
func (r *Reader) CustomResources(ctx context.Context, kind Resource, namespace string) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	err := r.listPage(ctx, kind, namespace, 0, "", list)
	return list.Items, err
}

// asMetadata has the API server leave out all but the metadata.
const asMetadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// listPage lists custom resources, whole or their metadata as list is: it asks
// the API server for the path of a kind, and nobody for whether there is one.
func (r *Reader) listPage(ctx context.Context, kind Resource, namespace string, limit int64, next string, list any) error {
	accept := "application/json"
	if _, isMetadata := list.(*metav1.PartialObjectMetadataList); isMetadata {
		accept = asMetadata
	}
	request := r.Raw.Get().AbsPath("/apis", kind.Group, kind.Version).SetHeader("Accept", accept)
	if namespace != "" {
		request = request.Suffix("namespaces", namespace)
	}
	request = request.Suffix(kind.Plural)
	if limit > 0 {
		request = request.Param("limit", strconv.FormatInt(limit, 10))
	}
	if next != "" {
		request = request.Param("continue", next)
	}
	data, err := request.Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = utiljson.Unmarshal(data, list)
	}
	if err != nil {
		return fmt.Errorf("listing objects of kind %s.%s: %w", kind.Kind, kind.Group, err)
	}
	return nil
}

// WholeResources calls do with the custom resources of a kind in all namespaces,
// whole, some hundred at a time.
func (r *Reader) WholeResources(ctx context.Context, kind Resource, do func([]unstructured.Unstructured) error) error {
	const page = 500
	next := ""
	for {
		list := &struct {
			Metadata metav1.ListMeta  `json:"metadata"`
			Items    []map[string]any `json:"items"`
		}{}
		if err := r.listPage(ctx, kind, "", page, next, list); err != nil {
			return err
		}
		objects := make([]unstructured.Unstructured, len(list.Items))
		for i, item := range list.Items {
			objects[i].Object = item
		}
		if len(objects) > 0 {
			if err := do(objects); err != nil {
				return err
			}
		}
		if next = list.Metadata.Continue; next == "" {
			return nil
		}
	}
}
