// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// DeleteSolutionOptions are those of DeleteSolution.
type DeleteSolutionOptions struct {
	Options
	WaitOptions
	Target
	Solution string
}

// DeleteSolution removes a Solution from an Environment: all that was deployed
// for it there. Its custom resources stay.
func (e *Environments) DeleteSolution(ctx context.Context, o DeleteSolutionOptions) (*Result, error) {
	version := ""
	edit := func(n *cluster.EnvironmentNamespace) {
		version = n.Solutions[o.Solution]
		n.Remove(o.Solution)
	}
	d := deployment{
		environment: o.Environment, removed: []string{o.Solution},
		solutions: func(cluster.EnvironmentNamespace) []string { return nil },
	}
	result, namespace, err := e.changeSolution(ctx, o.Target, o.Solution, d, o.Options, edit)
	if err != nil || o.DryRun != DryRunNone {
		return result, err
	}
	if o.Wait {
		ctx, cancel := context.WithTimeout(ctx, o.WaitOptions.Timeout)
		defer cancel()
		if err := e.Cluster.WaitDeleted(ctx, deleted(result.Changes), e.waiting); err != nil {
			return result, err
		}
	}
	e.warnOrphans(ctx, o.Solution, version, namespace, result)
	return result, nil
}

// deleted returns the objects that were deleted, as they were.
func deleted(changes []plan.Change) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, c := range changes {
		if c.Action == plan.Delete {
			list = append(list, c.Live)
		}
	}
	return list
}

// warnOrphans tells of custom resources that nobody looks after any more. It is
// a courtesy: without the right to see them it says nothing.
func (e *Environments) warnOrphans(ctx context.Context, solution, version, namespace string, result *Result) {
	content, err := e.Cluster.Content(ctx, solution, version)
	if err != nil || content == nil {
		return
	}
	objects, err := e.customObjects(ctx, content, namespace)
	if err != nil || len(objects) == 0 {
		return
	}
	noun := "custom resource"
	if len(objects) > 1 {
		noun += "s"
	}
	result.warn("%d %s left in namespace %s, with no Operator to look after: %s", len(objects), noun, namespace, enumerate(objectNames(objects), 5))
}

// customObjects returns the objects of a version's kinds in a namespace.
func (e *Environments) customObjects(ctx context.Context, content *v1alpha1.Content, namespace string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, crd := range content.CRDs {
		if !crd.Namespaced || crd.Storage == "" {
			continue
		}
		kind := cluster.Resource{Group: crd.Group, Version: crd.Storage, Kind: crd.Kind, Plural: crd.Plural}
		items, err := e.Cluster.CustomResources(ctx, kind, namespace)
		if err != nil {
			return nil, err
		}
		for i := range items {
			r := plan.Ref{Group: kind.Group, Version: kind.Version, Kind: kind.Kind, Namespace: namespace, Name: items[i].Name}
			u := r.Object()
			u.SetUID(items[i].UID)
			objects = append(objects, u)
		}
	}
	return objects, nil
}

func objectNames(objects []*unstructured.Unstructured) []string {
	names := make([]string, 0, len(objects))
	for _, u := range objects {
		names = append(names, strings.ToLower(u.GetKind())+"/"+u.GetName())
	}
	return names
}

// enumerate lists the first few of names, and how many more there are.
func enumerate(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
