// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// WriteOptions tell how to write.
type WriteOptions struct {
	// DryRun has the server check the write, and not do it.
	DryRun bool
}

// WriteCatalog writes the SolutionsConfigMap: it is created where it has no
// resourceVersion, and else replaced if it is still of that version.
// IsConflict tells where someone else was faster.
func (r *Reader) WriteCatalog(ctx context.Context, cm *corev1.ConfigMap, opts WriteOptions) error {
	return r.writeConfigMap(ctx, cm, opts)
}

// WriteEnvironment writes an EnvironmentConfigMap, as WriteCatalog does.
func (r *Reader) WriteEnvironment(ctx context.Context, cm *corev1.ConfigMap, opts WriteOptions) error {
	return r.writeConfigMap(ctx, cm, opts)
}

func (r *Reader) writeConfigMap(ctx context.Context, cm *corev1.ConfigMap, opts WriteOptions) error {
	cm = cm.DeepCopy()
	create := []client.CreateOption{client.FieldOwner(v1alpha1.FieldManager)}
	update := []client.UpdateOption{client.FieldOwner(v1alpha1.FieldManager)}
	if opts.DryRun {
		create, update = append(create, client.DryRunAll), append(update, client.DryRunAll)
	}
	var err error
	if cm.ResourceVersion == "" {
		err = r.Client.Create(ctx, cm, create...)
	} else {
		err = r.Client.Update(ctx, cm, update...)
	}
	if err != nil {
		return fmt.Errorf("writing ConfigMap %s/%s: %w", cm.Namespace, cm.Name, err)
	}
	return nil
}

// IsConflict says that an object was not written because someone else wrote,
// created or deleted it since it was read.
func IsConflict(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// Definitions returns the CustomResourceDefinitions that were deployed for
// Solutions, whole.
func (r *Reader) Definitions(ctx context.Context) ([]*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinitionList"})
	selector := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.FieldManager}
	if err := r.Client.List(ctx, list, selector, client.HasLabels{v1alpha1.PartOfLabel}); err != nil {
		return nil, fmt.Errorf("listing the CustomResourceDefinitions of Solutions: %w", err)
	}
	return pointers(list), nil
}

func pointers(list *unstructured.UnstructuredList) []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects
}

// Resource is a kind of custom resource.
type Resource struct{ Group, Version, Kind string }

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
