// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

// customResources returns the objects, in a namespace, of the kinds of all
// imported Solutions: also of those that have been removed from it.
func (d *deployer) customResources(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	contents, err := d.cluster.Contents(ctx)
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(contents)) {
		objects, err := customObjects(ctx, d.cluster, contents[id], namespace)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			key := o.GetKind() + "." + o.GroupVersionKind().Group + "/" + o.GetName()
			if !seen[key] {
				seen[key] = true
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// customObjects returns the objects of a Solution's kinds in a namespace.
func customObjects(ctx context.Context, cl *util.Cluster, content *v1alpha1.Content, namespace string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, crd := range content.CRDs {
		if !crd.Namespaced || crd.Storage == "" {
			continue
		}
		kind := cluster.Resource{Group: crd.Group, Version: crd.Storage, Kind: crd.Kind}
		items, err := cl.CustomResources(ctx, kind, namespace)
		if err != nil {
			return nil, err
		}
		for i := range items {
			u := &unstructured.Unstructured{}
			u.SetAPIVersion(kind.Group + "/" + kind.Version)
			u.SetKind(kind.Kind)
			u.SetNamespace(namespace)
			u.SetName(items[i].Name)
			objects = append(objects, u)
		}
	}
	return objects, nil
}

func objectNames(objects []*unstructured.Unstructured) []string {
	var names []string
	for _, u := range objects {
		names = append(names, strings.ToLower(u.GetKind())+"/"+u.GetName())
	}
	return names
}
