// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// isUnknownKind says that the server does not serve a kind.
func isUnknownKind(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
}

// Owned returns what has been deployed for Solutions in a namespace: objects
// of the kinds that plan.Workload makes, with its labels. ClusterRoles are not
// among them.
func (r *Reader) Owned(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	var owned []*unstructured.Unstructured
	for _, gvk := range plan.WorkloadKinds() {
		if gvk.Kind == "ClusterRole" {
			continue
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := r.Client.List(ctx, list, client.InNamespace(namespace),
			client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.FieldManager},
			client.HasLabels{v1alpha1.PartOfLabel, v1alpha1.ComponentLabel})
		if err != nil {
			return nil, fmt.Errorf("listing %ss in namespace %s: %w", gvk.Kind, namespace, err)
		}
		owned = append(owned, pointers(list)...)
	}
	return owned, nil
}

// OwnedClusterRoles returns the ClusterRoles that have been deployed for a
// Solution. Without the right to list them there are none that the user could
// remove.
func (r *Reader) OwnedClusterRoles(ctx context.Context, solution string) ([]*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(plan.ClusterRoleKind.GroupVersion().WithKind("ClusterRoleList"))
	err := r.Client.List(ctx, list, client.MatchingLabels{
		v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: solution,
	})
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the ClusterRoles of Solution %s: %w", solution, err)
	}
	return pointers(list), nil
}

// Bindings returns all RoleBindings and ClusterRoleBindings of the cluster.
func (r *Reader) Bindings(ctx context.Context) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, kind := range []string{"RoleBinding", "ClusterRoleBinding"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(plan.ClusterRoleKind.GroupVersion().WithKind(kind + "List"))
		if err := r.Client.List(ctx, list); err != nil {
			return nil, fmt.Errorf("listing %ss, to see who uses a ClusterRole: %w", kind, err)
		}
		all = append(all, pointers(list)...)
	}
	return all, nil
}
