// SPDX-License-Identifier: Apache-2.0

// Package cluster reads what a cluster holds of Solutions and Environments: the
// ConfigMaps, namespaces and deployed objects that plans start from.
package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Reader reads the state of a cluster.
type Reader struct {
	Client client.Client
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
	return client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
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

// Catalog reads the SolutionsConfigMap. Where there is none, nothing is
// imported, which is no error.
func (r *Reader) Catalog(ctx context.Context) (*Catalog, error) {
	cm := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: v1alpha1.Namespace, Name: v1alpha1.SolutionsConfigMap}
	if err := r.Client.Get(ctx, key, cm); err != nil {
		if errors.IsNotFound(err) {
			return &Catalog{Records: map[string][]v1alpha1.SolutionRecord{}}, nil
		}
		return nil, fmt.Errorf("reading the imported Solutions: %w", err)
	}
	records, err := plan.DecodeRecords(cm.Data)
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", key.Namespace, err)
	}
	return &Catalog{ConfigMap: cm, Records: records, Endpoint: cm.Annotations[v1alpha1.RegistryEndpointAnnotation]}, nil
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

// Contents reads the content records of all imported versions, by id.
func (r *Reader) Contents(ctx context.Context) (map[string]*v1alpha1.Content, error) {
	list := &corev1.ConfigMapList{}
	if err := r.Client.List(ctx, list, client.InNamespace(v1alpha1.Namespace), client.HasLabels{v1alpha1.SolutionLabel}); err != nil {
		return nil, fmt.Errorf("reading what the imported Solutions hold: %w", err)
	}
	contents := map[string]*v1alpha1.Content{}
	for i := range list.Items {
		content, err := plan.DecodeContent(&list.Items[i])
		if err != nil {
			return nil, err
		}
		contents[content.ID] = content
	}
	return contents, nil
}

// Content reads the content record of one imported version, nil where there
// is none.
func (r *Reader) Content(ctx context.Context, id string) (*v1alpha1.Content, error) {
	cm := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: v1alpha1.Namespace, Name: v1alpha1.ContentConfigMapName(id)}
	if err := r.Client.Get(ctx, key, cm); err != nil {
		if errors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading what %s holds: %w", id, err)
	}
	return plan.DecodeContent(cm)
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
