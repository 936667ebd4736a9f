// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// DeleteEnvironmentOptions are those of DeleteEnvironment.
type DeleteEnvironmentOptions struct {
	Options
	WaitOptions
	Target
}

// DeleteEnvironment deletes an Environment, or one namespace of it, with all
// that is in it: custom resources first, while their Operators are there to
// clean up, then what was deployed, then the namespaces. One that does not exist
// is a Result without a Plan.
func (e *Environments) DeleteEnvironment(ctx context.Context, o DeleteEnvironmentOptions) (*Result, error) {
	result := &Result{}
	list, err := e.Namespaces(ctx, o.Target)
	if errors.Is(err, ErrNotFound) {
		return result, nil
	}
	if err != nil {
		return result, err
	}
	contents, err := e.Cluster.Contents(ctx)
	if err != nil {
		return result, err
	}
	p := &plan.Plan{}
	for _, n := range list {
		one, err := e.planDeletion(ctx, o, n, contents)
		if err != nil {
			return result, err
		}
		p.Add(one)
	}
	p.Sort()
	o.Options.Timeout = o.WaitOptions.Timeout
	return result, e.carryOut(ctx, p, o.Options, true, result)
}

// planDeletion plans the deletion of one namespace.
func (e *Environments) planDeletion(ctx context.Context, o DeleteEnvironmentOptions, n cluster.EnvironmentNamespace, contents []*v1alpha1.Content) (*plan.Plan, error) {
	live, err := e.Cluster.Deployed(ctx, n.Name())
	if err != nil {
		return nil, err
	}
	resources, err := e.customResources(ctx, contents, n.Name())
	if err != nil {
		return nil, err
	}
	namespace, err := cluster.NamespaceObject(&n.Namespace)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("deleting namespace %s of Environment %s with everything in it", n.Name(), o.Environment)
	if names := n.SolutionNames(); len(names) > 0 {
		line += ", Solutions " + strings.Join(names, ", ")
	}
	if len(resources) > 0 {
		what := "1 custom resource with everything it owns"
		if n := len(resources); n > 1 {
			what = fmt.Sprintf("%d custom resources with everything they own", n)
		}
		line += fmt.Sprintf(", and %s: %s", what, enumerate(objectNames(resources), 5))
	}
	p := plan.Deletion(plan.DeletionInput{
		Namespace: namespace, Solutions: n.SolutionNames(), Live: live, CustomResources: resources, Wait: o.Wait,
	})
	p.Destroys = []string{line}
	return p, nil
}

// customResources returns the objects, in a namespace, of the kinds of all
// imported Solutions: also of those that have been removed from it.
func (e *Environments) customResources(ctx context.Context, contents []*v1alpha1.Content, namespace string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	seen := map[string]bool{}
	for _, content := range contents {
		objects, err := e.customObjects(ctx, content, namespace)
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
