// SPDX-License-Identifier: Apache-2.0

// Package cluster reads what a cluster holds of Solutions and Environments: the
// ConfigMaps, namespaces and deployed objects that plans start from.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Reader reads the state of a cluster.
type Reader struct {
	Client client.Client
	// Raw asks for custom resources by their paths. Of a kind that is new, or that
	// this process has never asked for, Client may know nothing.
	Raw rest.Interface
}

// NewClient returns a client for typed core objects and unstructured ones.
// Requests are not held back on this side: the API server's own priority and
// fairness does that better.
func NewClient(config *rest.Config, mapper meta.RESTMapper) (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	return client.New(config, client.Options{Scheme: scheme, Mapper: refreshing{mapper}})
}

// refreshing asks the server again for what kinds it serves before it says that
// it does not serve one: kinds of Solutions come while a process runs.
type refreshing struct{ meta.RESTMapper }

// RESTMapping implements meta.RESTMapper.
func (m refreshing) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	mapping, err := m.RESTMapper.RESTMapping(kind, versions...)
	if meta.IsNoMatchError(err) {
		meta.MaybeResetRESTMapper(m.RESTMapper)
		mapping, err = m.RESTMapper.RESTMapping(kind, versions...)
	}
	return mapping, err
}

// Catalog is what the cluster records of imported Solutions.
type Catalog struct {
	// ConfigMap is the SolutionsConfigMap as it was read, nil where there is
	// none: who writes it uses its resourceVersion.
	ConfigMap *corev1.ConfigMap
	// Records are the imported versions by Solution, highest last.
	Records map[string][]v1alpha1.SolutionRecord
	// Endpoint is the registry's, "" where the catalog was written by other
	// tooling.
	Endpoint string
}

// UnreadableError says that ConfigMaps hold something else than what is recorded
// in them. They are made from what the bootstrap node has, and can be again.
type UnreadableError struct {
	// ConfigMaps are their names.
	ConfigMaps []string
	err        error
}

func (e *UnreadableError) Error() string { return e.err.Error() }
func (e *UnreadableError) Unwrap() error { return e.err }

// Hint says how they are made again.
func (e *UnreadableError) Hint() string {
	return "kubectl solution sync writes it again, from what is imported on the bootstrap node"
}

// Catalog reads the SolutionsConfigMap. Where there is none, nothing is
// imported, which is no error. With an *UnreadableError it returns what of it
// can be read.
func (r *Reader) Catalog(ctx context.Context) (*Catalog, error) {
	cm := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: v1alpha1.Namespace, Name: v1alpha1.SolutionsConfigMap}
	if err := r.Client.Get(ctx, key, cm); err != nil {
		if apierrors.IsNotFound(err) {
			return &Catalog{Records: map[string][]v1alpha1.SolutionRecord{}}, nil
		}
		return nil, fmt.Errorf("reading the imported Solutions: %w", err)
	}
	records, err := plan.DecodeRecords(cm.Data)
	if err != nil {
		err = &UnreadableError{[]string{cm.Name}, fmt.Errorf("namespace %s: %w", key.Namespace, err)}
	}
	return &Catalog{ConfigMap: cm, Records: records, Endpoint: cm.Annotations[v1alpha1.RegistryEndpointAnnotation]}, err
}

// Record returns the record of an imported version.
func (c *Catalog) Record(name, version string) (v1alpha1.SolutionRecord, bool) {
	for _, r := range c.Records[name] {
		if r.Version == version {
			return r, true
		}
	}
	return v1alpha1.SolutionRecord{}, false
}

// Versions returns the imported versions of a Solution, lowest first.
func (c *Catalog) Versions(name string) []string {
	var versions []string
	for _, r := range c.Records[name] {
		versions = append(versions, r.Version)
	}
	return versions
}

// contents reads the content records of all imported versions, and the
// ConfigMaps themselves. With an *UnreadableError it returns those that can be
// read.
func (r *Reader) contents(ctx context.Context) (map[plan.VersionKey]*v1alpha1.Content, *plan.Live, error) {
	list := &corev1.ConfigMapList{}
	if err := r.Client.List(ctx, list, client.InNamespace(v1alpha1.Namespace), client.HasLabels{v1alpha1.SolutionLabel}); err != nil {
		return nil, nil, fmt.Errorf("reading what the imported Solutions hold: %w", err)
	}
	contents := map[plan.VersionKey]*v1alpha1.Content{}
	live := plan.NewLive()
	var failed []error
	unreadable := &UnreadableError{}
	for i := range list.Items {
		cm := &list.Items[i]
		u, err := toUnstructured(cm)
		if err != nil {
			return nil, nil, err
		}
		live.Add(u)
		content, err := decodeContent(cm)
		if err != nil {
			unreadable.ConfigMaps, failed = append(unreadable.ConfigMaps, cm.Name), append(failed, err)
			continue
		}
		contents[plan.VersionKey{Name: content.Name, Version: content.Version}] = content
	}
	if len(failed) > 0 {
		unreadable.err = errors.Join(failed...)
		return contents, live, unreadable
	}
	return contents, live, nil
}

// Contents reads the content records of all imported versions, sorted by name
// and version.
func (r *Reader) Contents(ctx context.Context) ([]*v1alpha1.Content, error) {
	contents, _, err := r.contents(ctx)
	if err != nil {
		return nil, err
	}
	list := slices.Collect(maps.Values(contents))
	slices.SortFunc(list, func(a, b *v1alpha1.Content) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), v1alpha1.CompareVersions(a.Version, b.Version))
	})
	return list, nil
}

func decodeContent(cm *corev1.ConfigMap) (*v1alpha1.Content, error) {
	content, err := plan.DecodeContent(cm)
	if err == nil && cm.Name != v1alpha1.ContentConfigMapName(content.ID) {
		err = fmt.Errorf("reading ConfigMap %s/%s: it holds what belongs into %s", cm.Namespace, cm.Name, v1alpha1.ContentConfigMapName(content.ID))
	}
	return content, err
}

// Content reads the content record of one imported version, nil where there
// is none. What is recorded under its name may be another version, whose id is
// the same: that is none, too.
func (r *Reader) Content(ctx context.Context, name, version string) (*v1alpha1.Content, error) {
	cm := &corev1.ConfigMap{}
	id := v1alpha1.ID(name, version)
	key := client.ObjectKey{Namespace: v1alpha1.Namespace, Name: v1alpha1.ContentConfigMapName(id)}
	if err := r.Client.Get(ctx, key, cm); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading what %s %s holds: %w", name, version, err)
	}
	content, err := decodeContent(cm)
	if err != nil {
		return nil, &UnreadableError{[]string{cm.Name}, err}
	}
	if content.Name != name || content.Version != version {
		return nil, nil
	}
	return content, nil
}

// BootstrapAddress returns what the cluster records as the address of the
// bootstrap node's helper, "" for nothing.
func (r *Reader) BootstrapAddress(ctx context.Context) (string, error) {
	ns := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: v1alpha1.Namespace}, ns); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return ns.Annotations[v1alpha1.BootstrapAnnotation], nil
}
