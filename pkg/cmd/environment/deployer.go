// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// deployer makes the namespaces of one Environment match what is wanted there.
type deployer struct {
	cluster     *util.Cluster
	status      *util.Status
	environment string
	catalog     *cluster.Catalog
	// environments are all of them, nil where the user may not see them.
	environments []cluster.Environment
	contents     map[string]*v1alpha1.Content // by id, as far as they were needed
}

// scope is which Solutions of a namespace a command is about.
type scope struct {
	// solutions are to run, in the versions that the namespace records.
	solutions []string
	// removed are not to run any more.
	removed []string
	// everything says that what is deployed for any other Solution is to go.
	everything bool
}

func (s scope) covers(solution string) bool {
	return s.everything || slices.Contains(s.solutions, solution) || slices.Contains(s.removed, solution)
}

// deployment is what is to be done in one namespace.
type deployment struct {
	objects []*unstructured.Unstructured // to be applied
	prune   []*unstructured.Unstructured // to be deleted, in order
}

func newDeployer(ctx context.Context, cl *util.Cluster, status *util.Status, environment string) (*deployer, error) {
	catalog, err := cl.Catalog(ctx)
	if err != nil {
		if apierrors.IsForbidden(err) {
			err = hint.With(err, "to deploy Solutions, one must be allowed to read ConfigMaps in namespace %s: docs/rights.md has a Role for it", v1alpha1.Namespace)
		}
		return nil, util.ClusterError(err)
	}
	environments, err := cl.Environments(ctx)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, util.ClusterError(err)
	}
	return &deployer{
		cluster: cl, status: status, environment: environment, catalog: catalog,
		environments: environments, contents: map[string]*v1alpha1.Content{},
	}, nil
}

// compute finds out what is to be done in a namespace. It changes nothing.
func (d *deployer) compute(ctx context.Context, n cluster.EnvironmentNamespace, s scope) (*deployment, error) {
	dep := &deployment{}
	var failed []error
	for _, name := range s.solutions {
		objects, err := d.workload(ctx, n, name, n.Solutions[name])
		failed = append(failed, err)
		dep.objects = append(dep.objects, objects...)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	owned, err := d.owned(ctx, n, s)
	if err != nil {
		return nil, util.ClusterError(err)
	}
	dep.prune = plan.Prune(owned, dep.objects)
	roles, err := d.unusedClusterRoles(ctx, s, dep)
	if err != nil {
		return nil, util.ClusterError(err)
	}
	dep.prune = plan.Prune(slices.Concat(owned, roles), dep.objects)
	return dep, nil
}

// workload returns what a Solution's version is made of in a namespace.
func (d *deployer) workload(ctx context.Context, n cluster.EnvironmentNamespace, name, version string) ([]*unstructured.Unstructured, error) {
	if _, found := d.catalog.Record(name, version); !found {
		return nil, d.notImported(name, version)
	}
	content, err := d.content(ctx, v1alpha1.ID(name, version))
	if err != nil {
		return nil, util.ClusterError(err)
	}
	if content == nil || d.catalog.Endpoint == "" {
		return nil, hint.With(fmt.Errorf("solution %s version %s was imported by other tooling, and the cluster does not record what is needed to deploy it", name, version),
			"have a cluster administrator run once: kubectl solution sync")
	}
	objects, err := plan.Workload(plan.Target{
		Environment:  d.environment,
		Namespace:    n.Name(),
		Content:      content,
		Versions:     plan.Versions(name, d.catalog.Records[name]),
		Endpoint:     d.catalog.Endpoint,
		Webhook:      n.Webhooks[name],
		IngressClass: n.IngressClass,
	})
	if err != nil {
		return nil, err
	}
	versions, err := d.running(ctx, name, content, n.Name())
	if err != nil {
		return nil, util.ClusterError(err)
	}
	plan.ShareClusterRoles(objects, versions)
	return objects, nil
}

func (d *deployer) notImported(name, version string) error {
	err := fmt.Errorf("environment %s: version %s of Solution %s is not imported", d.environment, version, name)
	if versions := d.catalog.Versions(name); len(versions) > 0 {
		return hint.With(err, "imported versions are: %s", strings.Join(versions, ", "))
	}
	return hint.With(err, "kubectl solution get lists what is; kubectl solution import ARCHIVE adds to it")
}

func (d *deployer) content(ctx context.Context, id string) (*v1alpha1.Content, error) {
	if c, known := d.contents[id]; known {
		return c, nil
	}
	c, err := d.cluster.Content(ctx, id)
	if err != nil {
		return nil, err
	}
	d.contents[id] = c
	return c, nil
}

// running returns the contents of all versions of a Solution that run
// anywhere, once wanted is the one in this namespace.
func (d *deployer) running(ctx context.Context, name string, wanted *v1alpha1.Content, namespace string) ([]*v1alpha1.Content, error) {
	versions := map[string]bool{wanted.Version: true}
	contents := []*v1alpha1.Content{wanted}
	for _, e := range d.environments {
		for _, n := range e.Namespaces {
			version, found := n.Solutions[name]
			if !found || versions[version] || n.Name() == namespace {
				continue
			}
			versions[version] = true
			c, err := d.content(ctx, v1alpha1.ID(name, version))
			if err != nil {
				return nil, err
			}
			if c != nil {
				contents = append(contents, c)
			}
		}
	}
	return contents, nil
}

// owned returns what is deployed in a namespace for the Solutions of a scope.
func (d *deployer) owned(ctx context.Context, n cluster.EnvironmentNamespace, s scope) ([]*unstructured.Unstructured, error) {
	all, err := d.cluster.Owned(ctx, n.Name())
	if err != nil {
		return nil, err
	}
	owned := slices.DeleteFunc(all, func(u *unstructured.Unstructured) bool { return !s.covers(partOf(u)) })
	for _, name := range s.removed {
		older, err := d.ownedByOlder(ctx, n, name)
		if err != nil {
			return nil, err
		}
		owned = append(owned, older...)
	}
	return owned, nil
}

// ownedByOlder returns what older tooling has deployed for a Solution, without
// the label by which Owned finds it.
func (d *deployer) ownedByOlder(ctx context.Context, n cluster.EnvironmentNamespace, name string) ([]*unstructured.Unstructured, error) {
	version, found := n.Solutions[name]
	if !found {
		return nil, nil
	}
	objects, err := d.workload(ctx, n, name, version)
	if err != nil {
		return nil, nil //nolint:nilerr // what is not imported any more can still be removed, as far as labels tell
	}
	objects = slices.DeleteFunc(objects, func(u *unstructured.Unstructured) bool { return u.GetNamespace() == "" })
	live, err := d.cluster.Live(ctx, objects)
	return slices.DeleteFunc(live, func(u *unstructured.Unstructured) bool { return partOf(u) != name }), err
}

// unusedClusterRoles returns the ClusterRoles of the Solutions that something
// is removed of which nobody will use afterwards.
func (d *deployer) unusedClusterRoles(ctx context.Context, s scope, dep *deployment) ([]*unstructured.Unstructured, error) {
	names := slices.Clone(s.removed)
	for _, u := range dep.prune {
		names = append(names, partOf(u))
	}
	slices.Sort(names)
	var roles []*unstructured.Unstructured
	for _, name := range slices.Compact(names) {
		some, err := d.cluster.OwnedClusterRoles(ctx, name)
		if err != nil {
			return nil, err
		}
		roles = append(roles, some...)
	}
	if len(roles) == 0 {
		return nil, nil
	}
	bindings, err := d.cluster.Bindings(ctx)
	if apierrors.IsForbidden(err) {
		return nil, nil // who cannot see whether they are used cannot remove them
	}
	if err != nil {
		return nil, err
	}
	return plan.UnusedClusterRoles(roles, bindings, dep.prune), nil
}

func partOf(u *unstructured.Unstructured) string { return u.GetLabels()[v1alpha1.PartOfLabel] }

// check has the server try a deployment, and changes nothing.
func (d *deployer) check(ctx context.Context, dep *deployment) (apply.ChangeSet, error) {
	changes, err := d.cluster.Check(ctx, dep.objects)
	deleted, deleteErr := d.cluster.Delete(ctx, dep.prune, apply.DeleteOptions{DryRun: true})
	return append(changes, deleted...), errors.Join(err, deleteErr)
}

// execute makes a deployment. The changes made until an error are returned
// with it.
func (d *deployer) execute(ctx context.Context, dep *deployment) (apply.ChangeSet, error) {
	changes, err := d.cluster.Apply(ctx, dep.objects)
	if err != nil {
		return changes, err
	}
	deleted, err := d.cluster.Delete(ctx, dep.prune, apply.DeleteOptions{})
	return append(changes, deleted...), err
}

// planned is what is to be done as far as it is known without the server.
func (dep *deployment) planned() apply.ChangeSet {
	return slices.Concat(apply.Planned(dep.objects, apply.Applied), apply.Planned(dep.prune, apply.Deleted))
}

// deployments returns what takes time to become available.
func (dep *deployment) deployments() []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, o := range dep.objects {
		if o.GetKind() == "Deployment" {
			list = append(list, o)
		}
	}
	return list
}

func withPrepareHint(err error, environment string) error {
	return hint.With(err, "what is wanted is recorded; kubectl environment prepare %s goes on where this ended", environment)
}
