// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Environment is all namespaces with one environment label.
type Environment struct {
	Name       string
	Namespaces []EnvironmentNamespace // sorted by name
}

// EnvironmentNamespace is one namespace of an Environment.
type EnvironmentNamespace struct {
	Namespace   corev1.Namespace
	Description string
	// ConfigMap is the EnvironmentConfigMap as it was read, nil where there is
	// none: who writes it uses its resourceVersion.
	ConfigMap *corev1.ConfigMap
	// Solutions maps the Solutions wanted here to their versions.
	Solutions map[string]string
	// Webhooks holds the Solutions whose Operator serves a webhook here.
	Webhooks map[string]bool
	// IngressClass is "" for the default.
	IngressClass string
}

// Name returns the namespace's name.
func (n EnvironmentNamespace) Name() string { return n.Namespace.Name }

// Terminating says that the namespace is being deleted.
func (n EnvironmentNamespace) Terminating() bool { return n.Namespace.DeletionTimestamp != nil }

// SolutionNames returns the Solutions that are wanted here, sorted.
func (n EnvironmentNamespace) SolutionNames() []string {
	return slices.Sorted(maps.Keys(n.Solutions))
}

// Environments reads all Environments, sorted by name.
func (r *Reader) Environments(ctx context.Context) ([]Environment, error) {
	namespaces, err := r.namespaces(ctx, client.HasLabels{v1alpha1.EnvironmentLabel})
	if err != nil {
		return nil, err
	}
	configMaps := &corev1.ConfigMapList{}
	byName := client.MatchingFields{"metadata.name": v1alpha1.EnvironmentConfigMap}
	if err := r.Client.List(ctx, configMaps, byName); err != nil {
		return nil, fmt.Errorf("reading the Solutions of Environments: %w", err)
	}
	return group(namespaces, configMaps.Items), nil
}

// Environment reads one Environment. One of which no namespace exists is
// returned without namespaces, which is no error.
func (r *Reader) Environment(ctx context.Context, name string) (*Environment, error) {
	namespaces, err := r.namespaces(ctx, client.MatchingLabels{v1alpha1.EnvironmentLabel: name})
	if err != nil {
		return nil, err
	}
	configMaps := make([]*corev1.ConfigMap, len(namespaces))
	requests, ctx := errgroup.WithContext(ctx)
	requests.SetLimit(parallel)
	for i := range namespaces {
		requests.Go(func() error {
			cm, err := r.environmentConfigMap(ctx, namespaces[i].Name)
			configMaps[i] = cm
			return err
		})
	}
	if err := requests.Wait(); err != nil {
		return nil, err
	}
	e := &Environment{Name: name}
	for i := range namespaces {
		e.Namespaces = append(e.Namespaces, newEnvironmentNamespace(namespaces[i], configMaps[i]))
	}
	slices.SortFunc(e.Namespaces, func(a, b EnvironmentNamespace) int { return cmp.Compare(a.Name(), b.Name()) })
	return e, nil
}

// namespaces lists namespaces of Environments.
func (r *Reader) namespaces(ctx context.Context, which client.ListOption) ([]corev1.Namespace, error) {
	list := &corev1.NamespaceList{}
	if err := r.Client.List(ctx, list, which); err != nil {
		if errors.IsForbidden(err) {
			err = hint.With(err, "with rights in a namespace of your own only, name it: --namespace NAMESPACE")
		}
		return nil, fmt.Errorf("listing the namespaces of Environments: %w", err)
	}
	return list.Items, nil
}

// environmentConfigMap reads what a namespace records, nil where it does not.
func (r *Reader) environmentConfigMap(ctx context.Context, namespace string) (*corev1.ConfigMap, error) {
	cm := &corev1.ConfigMap{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.EnvironmentConfigMap}, cm)
	switch {
	case errors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, v1alpha1.EnvironmentConfigMap, err)
	}
	return cm, nil
}

// group puts namespaces and their ConfigMaps together.
func group(namespaces []corev1.Namespace, list []corev1.ConfigMap) []Environment {
	configMaps := map[string]*corev1.ConfigMap{}
	for i := range list {
		configMaps[list[i].Namespace] = &list[i]
	}
	byName := map[string]*Environment{}
	for _, ns := range namespaces {
		name := ns.Labels[v1alpha1.EnvironmentLabel]
		if byName[name] == nil {
			byName[name] = &Environment{Name: name}
		}
		byName[name].Namespaces = append(byName[name].Namespaces, newEnvironmentNamespace(ns, configMaps[ns.Name]))
	}
	environments := make([]Environment, 0, len(byName))
	for _, e := range byName {
		slices.SortFunc(e.Namespaces, func(a, b EnvironmentNamespace) int { return cmp.Compare(a.Name(), b.Name()) })
		environments = append(environments, *e)
	}
	slices.SortFunc(environments, func(a, b Environment) int { return cmp.Compare(a.Name, b.Name) })
	return environments
}

// EnvironmentNamespace reads one namespace, which takes no rights beyond it,
// and returns the name of its Environment, "" where it has none. A namespace
// that does not exist is nil.
func (r *Reader) EnvironmentNamespace(ctx context.Context, namespace string) (*EnvironmentNamespace, string, error) {
	ns := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: namespace}, ns); err != nil {
		if errors.IsNotFound(err) {
			return nil, "", nil
		}
		return nil, "", fmt.Errorf("reading namespace %s: %w", namespace, err)
	}
	cm, err := r.environmentConfigMap(ctx, namespace)
	if err != nil {
		return nil, "", err
	}
	n := newEnvironmentNamespace(*ns, cm)
	return &n, ns.Labels[v1alpha1.EnvironmentLabel], nil
}

func newEnvironmentNamespace(ns corev1.Namespace, cm *corev1.ConfigMap) EnvironmentNamespace {
	n := EnvironmentNamespace{
		Namespace:   ns,
		Description: ns.Annotations[v1alpha1.EnvironmentDescriptionAnnotation],
		ConfigMap:   cm,
		Solutions:   map[string]string{},
		Webhooks:    map[string]bool{},
	}
	if cm == nil {
		return n
	}
	for name, version := range cm.Data {
		n.Solutions[name] = version
	}
	for _, name := range strings.Split(cm.Annotations[v1alpha1.WebhookAnnotation], ",") {
		if name != "" {
			n.Webhooks[name] = true
		}
	}
	n.IngressClass = cm.Annotations[v1alpha1.IngressClassAnnotation]
	return n
}

// Users returns where each version of a Solution is wanted, as "environment" or,
// where it has several namespaces, "environment/namespace".
func Users(environments []Environment) map[plan.VersionKey][]string {
	users := map[plan.VersionKey][]string{}
	for _, e := range environments {
		for _, n := range e.Namespaces {
			where := e.Name
			if len(e.Namespaces) > 1 || n.Name() != e.Name {
				where += "/" + n.Name()
			}
			for name, version := range n.Solutions {
				key := plan.VersionKey{Name: name, Version: version}
				users[key] = append(users[key], where)
			}
		}
	}
	return users
}
