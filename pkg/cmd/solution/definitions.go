// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// computeDefinitions reads the CRDs of the active versions out of their
// archives, and finds those that no active version has.
func (r *reconciler) computeDefinitions(ctx context.Context, c *change, node plan.Node) error {
	var desired []*unstructured.Unstructured
	for _, i := range node.Imported {
		if !i.Active || len(i.Content.CRDs) == 0 {
			continue
		}
		definitions, err := r.readDefinitions(ctx, i)
		if err != nil {
			return err
		}
		desired = append(desired, definitions...)
	}
	existing, err := r.cluster.Live(ctx, desired)
	if err != nil {
		return err
	}
	if err := checkDefinitions(existing, desired); err != nil {
		return err
	}
	deployed, err := r.cluster.Definitions(ctx)
	if err != nil {
		return err
	}
	c.objects = append(c.objects, desired...)
	c.definitions = plan.ObsoleteDefinitions(deployed, desired, node.Unresolved)
	return nil
}

func (r *reconciler) readDefinitions(ctx context.Context, i plan.Imported) ([]*unstructured.Unstructured, error) {
	var paths []string
	for _, crd := range i.Content.CRDs {
		if !slices.Contains(paths, crd.Path) {
			paths = append(paths, crd.Path)
		}
	}
	read, err := r.node.Read(ctx, protocol.ReadRequest{Archives: []protocol.ReadArchive{{Archive: i.Archive, Paths: paths}}})
	if err != nil {
		return nil, err
	}
	var definitions []*unstructured.Unstructured
	for _, f := range read.Archives[0].Files {
		documents, err := archive.DecodeDocuments(f.Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", i.Archive, f.Path, err)
		}
		some, err := plan.Definitions(i.Content, documents)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", i.Archive, f.Path, err)
		}
		definitions = append(definitions, some...)
	}
	return definitions, nil
}

func checkDefinitions(existing, desired []*unstructured.Unstructured) error {
	byName := map[string]*unstructured.Unstructured{}
	for _, u := range existing {
		byName[u.GetName()] = u
	}
	var failed []error
	for _, u := range desired {
		if live := byName[u.GetName()]; live != nil {
			failed = append(failed, plan.CheckDefinition(live, u))
		}
	}
	return errors.Join(failed...)
}

func (r *reconciler) deleteDefinitions(ctx context.Context, definitions []*unstructured.Unstructured) (apply.ChangeSet, error) {
	changes, err := r.cluster.Delete(ctx, definitions, apply.DeleteOptions{})
	if err != nil {
		return changes, err
	}
	return changes, r.cluster.WaitDeleted(ctx, definitions, r.status.Observe)
}
