// SPDX-License-Identifier: Apache-2.0

package inprocess

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// CleanUp takes out of the cluster what the next test would see: records of all Solutions, and what has the token in its
// name. Namespaces are taken out of their Environments, and then go on their own.
func CleanUp(tb testing.TB, c client.Client, token string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	clean := func(err error) {
		if err != nil && !apierrors.IsNotFound(err) {
			tb.Errorf("cleaning up: %v", err)
		}
	}
	namespaces := &corev1.NamespaceList{}
	clean(c.List(ctx, namespaces))
	for i := range namespaces.Items {
		if ns := &namespaces.Items[i]; strings.HasPrefix(ns.Name, token) {
			patch := fmt.Sprintf(`{"metadata":{"labels":{%q:null}}}`, v1alpha1.EnvironmentLabel)
			clean(c.Patch(ctx, ns, client.RawPatch(types.MergePatchType, []byte(patch))))
			clean(c.Delete(ctx, ns))
		}
	}
	for _, gvk := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "ConfigMap"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		clean(c.List(ctx, list))
		for i := range list.Items {
			if o := &list.Items[i]; isOurs(o, token) {
				clean(c.Delete(ctx, o))
			}
		}
	}
}

func isOurs(o *unstructured.Unstructured, token string) bool {
	if o.GetKind() == "ConfigMap" {
		return o.GetNamespace() == v1alpha1.Namespace && o.GetName() != "kube-root-ca.crt"
	}
	return strings.Contains(o.GetName(), token) || o.GetName() == plan.DeployerRole
}
