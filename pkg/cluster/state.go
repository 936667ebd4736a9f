// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Kinds that are read besides those of the core.
var (
	deploymentKind  = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	configMapKind   = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	definitionKind  = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	clusterRoleKind = schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}
)

// deployed selects what this project and the older tooling have deployed.
const deployed = v1alpha1.ManagedByLabel + " in (" + v1alpha1.FieldManager + ",salt)"

// State reads what the cluster holds of imported Solutions, in as many requests
// as there are kinds. With an *UnreadableError it returns what can be read.
func (r *Reader) State(ctx context.Context) (*plan.ClusterState, error) {
	s := &plan.ClusterState{}
	var catalog *Catalog
	var contents map[plan.VersionKey]*v1alpha1.Content
	var environments []Environment
	var deployments, configs []metav1.PartialObjectMetadata
	var unreadable [2]error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { s.Namespace, err = r.namespace(groupCtx); return err })
	group.Go(func() (err error) {
		catalog, err = r.Catalog(groupCtx)
		unreadable[0], err = setAside(err)
		return err
	})
	group.Go(func() (err error) {
		contents, s.ContentRecords, err = r.contents(groupCtx)
		unreadable[1], err = setAside(err)
		return err
	})
	group.Go(func() (err error) { environments, err = r.Environments(groupCtx); return err })
	group.Go(func() (err error) {
		deployments, err = r.metadata(groupCtx, deploymentKind, deployed+","+v1alpha1.ComponentLabel)
		return err
	})
	group.Go(func() (err error) {
		configs, err = r.metadata(groupCtx, configMapKind, deployed+","+v1alpha1.ComponentLabel+"=operator")
		return err
	})
	group.Go(func() (err error) { s.ClusterRoles, err = r.clusterRoles(groupCtx); return err })
	group.Go(func() (err error) { s.Definitions, err = r.definitions(groupCtx); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.Records, s.Contents = catalog.Records, contents
	if catalog.ConfigMap != nil {
		u, err := toUnstructured(catalog.ConfigMap)
		if err != nil {
			return nil, err
		}
		s.Catalog = u
	}
	found := runningIn(environments, deployments, configs)
	s.Operators = found.operators
	s.Uses = found.uses(s.Records, s.Contents)
	return s, joinUnreadable(s, unreadable[:])
}

// setAside keeps the one kind of error with which something could be read.
func setAside(err error) (unreadable, other error) {
	var u *UnreadableError
	if errors.As(err, &u) {
		return err, nil
	}
	return nil, err
}

func joinUnreadable(s *plan.ClusterState, list []error) error {
	all := &UnreadableError{}
	var failed []error
	for _, err := range list {
		var u *UnreadableError
		if errors.As(err, &u) {
			all.ConfigMaps = append(all.ConfigMaps, u.ConfigMaps...)
			failed = append(failed, u.err)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	all.err = errors.Join(failed...)
	s.Unreadable = all.ConfigMaps
	return all
}

func (r *Reader) namespace(ctx context.Context) (*unstructured.Unstructured, error) {
	ns := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: v1alpha1.Namespace}, ns); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading namespace %s: %w", v1alpha1.Namespace, err)
	}
	return toUnstructured(ns)
}

// toUnstructured returns a core object as data. The API server leaves its kind
// out of lists.
func toUnstructured(o client.Object) (*unstructured.Unstructured, error) {
	kind := "ConfigMap"
	if _, isNamespace := o.(*corev1.Namespace); isNamespace {
		kind = "Namespace"
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind, o.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion("v1")
	u.SetKind(kind)
	return u, nil
}

// metadata lists the metadata of objects of all namespaces.
func (r *Reader) metadata(ctx context.Context, gvk schema.GroupVersionKind, selector string) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	options := &client.ListOptions{Raw: &metav1.ListOptions{LabelSelector: selector}}
	if err := r.Client.List(ctx, list, options); err != nil {
		return nil, fmt.Errorf("listing %ss of Solutions: %w", gvk.Kind, err)
	}
	return list.Items, nil
}

func (r *Reader) clusterRoles(ctx context.Context) (*plan.Live, error) {
	list, err := r.list(ctx, clusterRoleKind)
	if err != nil {
		return nil, fmt.Errorf("listing ClusterRoles: %w", err)
	}
	return plan.NewLive(list...), nil
}

// list lists whole objects.
func (r *Reader) list(ctx context.Context, gvk schema.GroupVersionKind, options ...client.ListOption) ([]*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err := r.Client.List(ctx, list, options...); err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects, nil
}

// definitions lists the CustomResourceDefinitions that were deployed for
// Solutions. Their metadata is enough: they may be large.
func (r *Reader) definitions(ctx context.Context) ([]plan.LiveDefinition, error) {
	list, err := r.metadata(ctx, definitionKind, v1alpha1.ManagedByLabel+"="+v1alpha1.FieldManager+","+v1alpha1.PartOfLabel)
	if err != nil {
		return nil, err
	}
	definitions := make([]plan.LiveDefinition, 0, len(list))
	for i := range list {
		definitions = append(definitions, plan.LiveDefinition{
			Name:        list[i].Name,
			Solution:    list[i].Labels[v1alpha1.PartOfLabel],
			Digest:      list[i].Annotations[v1alpha1.DefinitionDigestAnnotation],
			UID:         list[i].UID,
			Terminating: list[i].DeletionTimestamp != nil,
		})
	}
	return definitions, nil
}

// Objects reads objects of any kinds, as far as they exist.
func (r *Reader) Objects(ctx context.Context, refs []plan.Ref) (*plan.Live, error) {
	found := make([]*unstructured.Unstructured, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, ref := range refs {
		group.Go(func() error {
			u := ref.Object()
			err := r.Client.Get(ctx, client.ObjectKeyFromObject(u), u)
			switch {
			case apierrors.IsNotFound(err):
				return nil
			case err != nil:
				return fmt.Errorf("reading %s: %w", ref.Describe(), err)
			}
			found[i] = u
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return plan.NewLive(slices.DeleteFunc(found, func(u *unstructured.Unstructured) bool { return u == nil })...), nil
}

// parallel is how many requests are under way at once.
const parallel = 8

// Bindings returns all RoleBindings and ClusterRoleBindings of the cluster.
func (r *Reader) Bindings(ctx context.Context) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, kind := range []string{"RoleBinding", "ClusterRoleBinding"} {
		list, err := r.list(ctx, clusterRoleKind.GroupVersion().WithKind(kind))
		if err != nil {
			return nil, fmt.Errorf("listing %ss, to see who uses a ClusterRole: %w", kind, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// ClusterRoleNames returns the names of the ClusterRoles of Solutions, nil where
// the user may not list them.
func (r *Reader) ClusterRoleNames(ctx context.Context) (map[string]bool, error) {
	list, err := r.metadata(ctx, clusterRoleKind, v1alpha1.ManagedByLabel+"="+v1alpha1.FieldManager)
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range list {
		names[list[i].Name] = true
	}
	return names, nil
}

// Deployed returns what has been deployed for Solutions in a namespace, by this
// project or the older tooling.
func (r *Reader) Deployed(ctx context.Context, namespace string) (*plan.Live, error) {
	kinds := plan.WorkloadKinds()
	lists := make([][]*unstructured.Unstructured, len(kinds))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, gvk := range kinds {
		group.Go(func() error {
			var err error
			options := &client.ListOptions{Namespace: namespace, Raw: &metav1.ListOptions{LabelSelector: deployed}}
			lists[i], err = r.list(groupCtx, gvk, options)
			if err != nil {
				return fmt.Errorf("listing %ss in namespace %s: %w", gvk.Kind, namespace, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return plan.NewLive(slices.Concat(lists...)...), nil
}

// NamespaceObject returns a namespace as data.
func NamespaceObject(ns *corev1.Namespace) (*unstructured.Unstructured, error) {
	return toUnstructured(ns)
}
