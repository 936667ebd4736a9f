// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// change is what is to be done to a cluster so that it matches the node.
type change struct {
	catalog      *cluster.Catalog
	environments []cluster.Environment
	// removed are the ids of versions that the cluster is to forget.
	removed []string
	// active are the Solutions of which the node has an active version.
	active []string
	// configMap is the SolutionsConfigMap as it is to be.
	configMap *corev1.ConfigMap
	// objects are to be applied before it: namespace, CRDs, content records.
	objects []*unstructured.Unstructured
	// definitions are to be deleted, with every custom resource of theirs.
	definitions []*unstructured.Unstructured
	// replaced are content records that are immutable and hold something else.
	replaced []*unstructured.Unstructured
	// obsolete are content records of what is no longer imported.
	obsolete []*unstructured.Unstructured
	// operators are the configurations and Deployments of Operators that have
	// to learn of other versions.
	operators []*unstructured.Unstructured
}

// compute finds out what a state of the node means for the cluster. It changes
// nothing. The catalog is the one that was read before the state, so that
// writing it back fails where someone else has written in between.
func (r *reconciler) compute(ctx context.Context, catalog *cluster.Catalog, state *protocol.NodeState) (*change, error) {
	c := &change{catalog: catalog}
	var err error
	if c.environments, err = r.cluster.Environments(ctx); err != nil {
		return nil, err
	}
	node := nodeOf(state, catalog.Records)
	for _, i := range node.Imported {
		if i.Active {
			c.active = append(c.active, i.Content.Name)
		}
	}
	records := plan.Records(node, catalog.Records)
	c.removed = plan.RemovedVersions(catalog.Records, records)
	if err := refuseUsed(c.environments, c.removed); err != nil {
		return nil, err
	}
	if c.configMap, err = solutionsConfigMap(catalog, records, state.Endpoint); err != nil {
		return nil, err
	}
	c.objects = []*unstructured.Unstructured{plan.SolutionsNamespace(r.record)}
	if err := r.computeDefinitions(ctx, c, node); err != nil {
		return nil, err
	}
	contents, err := r.computeContents(ctx, c, node, records)
	if err != nil {
		return nil, err
	}
	return c, r.computeOperators(ctx, c, records, contents, state.Endpoint)
}

func nodeOf(state *protocol.NodeState, recorded map[string][]v1alpha1.SolutionRecord) plan.Node {
	node := plan.Node{}
	for _, a := range state.Archives {
		if a.Content == nil {
			node.Unreadable = append(node.Unreadable, a.Path)
		}
	}
	node.Unresolved = slices.Concat(state.Unresolved, uncertain(state, recorded, node.Unreadable))
	for _, a := range state.Archives {
		if a.Content == nil {
			continue
		}
		name := a.Content.Name
		node.Imported = append(node.Imported, plan.Imported{
			Content:    a.Content,
			Archive:    a.Path,
			Mountpoint: a.Mountpoint,
			Active:     state.Active[name] == a.Content.Version && !slices.Contains(node.Unresolved, name),
		})
	}
	return node
}

// uncertain returns the Solutions whose highest version is to be active, and
// is in an archive that cannot be read now.
func uncertain(state *protocol.NodeState, recorded map[string][]v1alpha1.SolutionRecord, unreadable []string) []string {
	var names []string
	for _, name := range state.Latest {
		if slices.ContainsFunc(recorded[name], func(r v1alpha1.SolutionRecord) bool {
			return slices.Contains(unreadable, r.Archive) && v1alpha1.CompareVersions(r.Version, state.Active[name]) > 0
		}) {
			names = append(names, name)
		}
	}
	return names
}

// refuseUsed refuses to forget a version that an Environment runs.
func refuseUsed(environments []cluster.Environment, removed []string) error {
	users := cluster.Users(environments)
	for _, id := range removed {
		if where := users[id]; len(where) > 0 {
			environment, namespace, found := strings.Cut(where[0], "/")
			if found {
				environment += " --namespace " + namespace
			}
			return hint.With(fmt.Errorf("%s is used by Environment %s", id, strings.Join(where, ", ")),
				"first remove it there: kubectl environment delete-solution %s --solution NAME", environment)
		}
	}
	return nil
}

func solutionsConfigMap(catalog *cluster.Catalog, records map[string][]v1alpha1.SolutionRecord, endpoint string) (*corev1.ConfigMap, error) {
	desired, err := plan.SolutionsConfigMap(records, endpoint)
	if err != nil {
		return nil, err
	}
	cm := &corev1.ConfigMap{}
	if catalog.ConfigMap != nil {
		cm = catalog.ConfigMap.DeepCopy()
	}
	cm.Name, cm.Namespace = desired.GetName(), desired.GetNamespace()
	if cm.Labels == nil {
		cm.Labels = map[string]string{}
	}
	if cm.Annotations == nil {
		cm.Annotations = map[string]string{}
	}
	maps.Copy(cm.Labels, desired.GetLabels())
	maps.Copy(cm.Annotations, desired.GetAnnotations())
	cm.Data, _, err = unstructured.NestedStringMap(desired.Object, "data")
	if len(cm.Data) == 0 {
		cm.Data = nil // as the API server returns it
	}
	return cm, err
}

// computeContents compares the content records with what is imported, and
// returns the contents by id as they are to be.
func (r *reconciler) computeContents(ctx context.Context, c *change, node plan.Node, records map[string][]v1alpha1.SolutionRecord) (map[string]*v1alpha1.Content, error) {
	recorded, err := r.cluster.Contents(ctx)
	unreadable, err := r.unreadable(err)
	if err != nil {
		return nil, err
	}
	contents := map[string]*v1alpha1.Content{}
	for name, list := range records {
		for _, record := range list {
			id := v1alpha1.ID(name, record.Version)
			contents[id] = recorded[id] // of an archive that cannot be read now
		}
	}
	for _, i := range node.Imported {
		if contents[i.Content.ID] != nil && contents[i.Content.ID] != recorded[i.Content.ID] {
			continue // a second archive of the same version
		}
		contents[i.Content.ID] = i.Content
		cm, err := plan.ContentConfigMap(i.Content)
		if err != nil {
			return nil, err
		}
		c.objects = append(c.objects, cm)
		old := recorded[i.Content.ID]
		if old != nil && !equality.Semantic.DeepEqual(old, i.Content) || slices.Contains(unreadable, cm.GetName()) {
			c.replaced = append(c.replaced, cm)
		}
	}
	c.obsolete = unneeded(unreadable, contents)
	for _, id := range slices.Sorted(maps.Keys(recorded)) {
		if _, ok := contents[id]; !ok {
			cm, err := plan.ContentConfigMap(recorded[id])
			if err != nil {
				return nil, err
			}
			c.obsolete = append(c.obsolete, cm)
		}
	}
	return contents, nil
}

// unneeded returns the ConfigMaps of these names that are no content records of
// the given ids.
func unneeded(names []string, contents map[string]*v1alpha1.Content) []*unstructured.Unstructured {
	needed := map[string]bool{}
	for id := range contents {
		needed[v1alpha1.ContentConfigMapName(id)] = true
	}
	var objects []*unstructured.Unstructured
	for _, name := range names {
		if !needed[name] {
			objects = append(objects, plan.ContentReference(name))
		}
	}
	return objects
}

// computeOperators finds the Operators that run, and have to be told of other
// versions than those they know.
func (r *reconciler) computeOperators(ctx context.Context, c *change, records map[string][]v1alpha1.SolutionRecord, contents map[string]*v1alpha1.Content, endpoint string) error {
	for _, e := range c.environments {
		for _, n := range e.Namespaces {
			for _, name := range slices.Sorted(maps.Keys(n.Solutions)) {
				content := contents[v1alpha1.ID(name, n.Solutions[name])]
				if content == nil || content.Operator == nil || n.Terminating() {
					continue
				}
				target := plan.Target{
					Environment: e.Name, Namespace: n.Name(), Content: content,
					Versions: plan.Versions(name, records[name]), Endpoint: endpoint,
					Webhook: n.Webhooks[name], IngressClass: n.IngressClass,
				}
				objects, err := plan.OperatorUpdate(target)
				if err != nil {
					return err
				}
				// Only what has been deployed is updated: deploying is for
				// those who prepare the Environment.
				live, err := r.cluster.Live(ctx, objects)
				if err != nil {
					return err
				}
				if len(live) == len(objects) {
					c.operators = append(c.operators, objects...)
				}
			}
		}
	}
	return nil
}

// catalogEntry tells what happens to the SolutionsConfigMap.
func (c *change) catalogEntry() apply.Entry {
	e := apply.Entry{Object: "configmap/" + v1alpha1.SolutionsConfigMap, Namespace: v1alpha1.Namespace, Action: apply.Configured}
	switch {
	case c.catalog.ConfigMap == nil:
		e.Action = apply.Created
	case equality.Semantic.DeepEqual(c.catalog.ConfigMap, c.configMap):
		e.Action = apply.Unchanged
	}
	return e
}
