// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// deployment is what an operation wants in namespaces of one Environment.
type deployment struct {
	environment string
	namespaces  []cluster.EnvironmentNamespace
	// solutions returns which Solutions of a namespace are to run, in the versions
	// that it records; removed are not to run any more.
	solutions func(cluster.EnvironmentNamespace) []string
	removed   []string
	// added is the Solution that the operation is about, "" for none.
	added string
	// everything removes what is deployed for any other Solution.
	everything bool
	// records are the changes of what namespaces record.
	records []plan.Change
}

// catalog reads what is imported.
func (e *Environments) catalog(ctx context.Context) (*cluster.Catalog, error) {
	catalog, err := e.Cluster.Catalog(ctx)
	if apierrors.IsForbidden(err) {
		err = hint.With(err, "to deploy Solutions, you must be allowed to read ConfigMaps in namespace %s: docs/rights.md has a Role for it", v1alpha1.Namespace)
	}
	return catalog, err
}

// plan computes what makes the namespaces as wanted.
func (e *Environments) plan(ctx context.Context, d *deployment, o Options) (*plan.Plan, error) {
	catalog, err := e.catalog(ctx)
	if err != nil {
		return nil, err
	}
	reader := &contentReader{cluster: e.Cluster, catalog: catalog, contents: map[plan.VersionKey]*v1alpha1.Content{}}
	inputs := make([]plan.NamespaceInput, len(d.namespaces))
	for i, n := range d.namespaces {
		if inputs[i], err = e.targets(ctx, d, n, reader); err != nil {
			return nil, err
		}
		inputs[i].Options = o.Options
	}
	if err := e.readLive(ctx, inputs, reader); err != nil {
		return nil, err
	}
	p := &plan.Plan{Changes: slices.Clone(d.records)}
	for _, in := range inputs {
		p.Add(plan.Namespace(in))
	}
	p.Sort()
	if records := catalog.Records[d.added]; len(records) > 0 && !slices.ContainsFunc(records, isActive) {
		// Its Operator will find nothing to work on.
		p.Warnings = append(p.Warnings, fmt.Sprintf("no version of Solution %s is active, so its custom resources are not defined: kubectl solution activate %s", d.added, d.added))
	}
	return p, nil
}

func isActive(r v1alpha1.SolutionRecord) bool { return r.Active }

// targets finds out which versions are to run in a namespace.
func (e *Environments) targets(ctx context.Context, d *deployment, n cluster.EnvironmentNamespace, r *contentReader) (plan.NamespaceInput, error) {
	in := plan.NamespaceInput{Namespace: n.Name(), Removed: d.removed, Everything: d.everything}
	for _, name := range d.solutions(n) {
		scope := plan.Scope{Solution: name, Namespace: n.Name()}
		version := n.Solutions[name]
		content, refusal, err := r.wanted(ctx, name, version)
		if err != nil {
			return in, err
		}
		if refusal != nil {
			refusal.Scope = scope
			in.Refused = append(in.Refused, *refusal)
			continue
		}
		in.Targets = append(in.Targets, plan.Target{
			Environment:  d.environment,
			Namespace:    n.Name(),
			Content:      content,
			Versions:     plan.Versions(name, r.catalog.Records[name]),
			Endpoint:     r.catalog.Endpoint,
			Webhook:      n.Webhooks[name],
			IngressClass: n.IngressClass,
		})
	}
	return in, nil
}

// readLive reads what is deployed in the namespaces, and what has a name that is
// wanted.
func (e *Environments) readLive(ctx context.Context, inputs []plan.NamespaceInput, r *contentReader) error {
	var roles map[string]bool
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { roles, err = e.Cluster.ClusterRoleNames(groupCtx); return err })
	for i := range inputs {
		group.Go(func() error { return e.readNamespace(groupCtx, &inputs[i]) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range inputs {
		inputs[i].ClusterRoles = roles
		if err := e.readRunning(ctx, &inputs[i], r); err != nil {
			return err
		}
	}
	return nil
}

func (e *Environments) readNamespace(ctx context.Context, in *plan.NamespaceInput) error {
	live, err := e.Cluster.Deployed(ctx, in.Namespace)
	if err != nil {
		return err
	}
	in.Live = live
	asked := map[plan.Ref]bool{}
	for {
		var missing []plan.Ref
		for _, r := range plan.WantedRefs(in) {
			if live.Get(r) == nil && !asked[r] {
				asked[r] = true
				missing = append(missing, r)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		others, err := e.Cluster.Objects(ctx, missing)
		if err != nil {
			return err
		}
		live.Add(others.All()...) // then another name may be wanted
	}
}

// readRunning reads the contents of the versions that run, to tell what changes
// of their rights.
func (e *Environments) readRunning(ctx context.Context, in *plan.NamespaceInput, r *contentReader) error {
	in.Running = map[string]*v1alpha1.Content{}
	for _, live := range in.Live.All() {
		labels := live.GetLabels()
		name := labels[v1alpha1.PartOfLabel]
		if live.GetKind() != "Deployment" || labels[v1alpha1.ComponentLabel] != "operator" || live.GetName() != name+"-operator" {
			continue
		}
		version := cluster.LabelledVersion(r.catalog.Records[name], labels[v1alpha1.VersionLabel])
		content, err := r.content(ctx, name, version)
		if err != nil {
			return err
		}
		if content != nil {
			in.Running[name] = content
		}
	}
	return nil
}

// contentReader reads what imported versions hold, each once.
type contentReader struct {
	cluster  *Cluster
	catalog  *cluster.Catalog
	contents map[plan.VersionKey]*v1alpha1.Content
}

func (r *contentReader) content(ctx context.Context, name, version string) (*v1alpha1.Content, error) {
	key := plan.VersionKey{Name: name, Version: version}
	if c, known := r.contents[key]; known {
		return c, nil
	}
	if _, imported := r.catalog.Record(name, version); !imported {
		return nil, nil
	}
	c, err := r.cluster.Content(ctx, name, version)
	if err != nil {
		return nil, err
	}
	r.contents[key] = c
	return c, nil
}

// wanted returns the content of a version that is to run, or why it cannot.
func (r *contentReader) wanted(ctx context.Context, name, version string) (*v1alpha1.Content, *plan.Refusal, error) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return nil, &plan.Refusal{Message: fmt.Sprintf("invalid name %q of a Solution: %s", name, problems[0])}, nil
	}
	if _, found := r.catalog.Record(name, version); !found {
		return nil, r.notImported(name, version), nil
	}
	content, err := r.content(ctx, name, version)
	if err != nil {
		return nil, nil, err
	}
	if content == nil || r.catalog.Endpoint == "" {
		return nil, &plan.Refusal{
			Message: fmt.Sprintf("solution %s version %s was imported by other tooling, and the cluster does not record what is needed to deploy it", name, version),
			Remedy:  "have a cluster administrator run once: kubectl solution sync",
		}, nil
	}
	return content, nil, nil
}

func (r *contentReader) notImported(name, version string) *plan.Refusal {
	refusal := &plan.Refusal{Message: fmt.Sprintf("version %q of Solution %s is not imported", version, name)}
	if versions := r.catalog.Versions(name); len(versions) > 0 {
		refusal.Remedy = "imported versions are: " + strings.Join(versions, ", ")
		return refusal
	}
	refusal.Remedy = "kubectl solution get lists what is imported; kubectl solution import ARCHIVE adds to it"
	return refusal
}

// carryOut checks a plan, asks where it destroys something, and does it. With
// partial, what is not refused is done.
func (e *Environments) carryOut(ctx context.Context, p *plan.Plan, o Options, partial bool, result *Result) error {
	result.Plan = p
	if o.DryRun != DryRunClient {
		e.Observer.Step("checking what is to be changed")
		if err := e.Cluster.Check(ctx, p, true); err != nil {
			return err
		}
	}
	result.Warnings = append(result.Warnings, p.Warnings...)
	problems := refused(p)
	if o.DryRun != DryRunNone || problems != nil && !partial {
		return problems
	}
	if len(p.Destroys) > 0 {
		if err := e.Observer.Confirm(ctx, p); err != nil {
			return err
		}
	}
	executed, err := e.Cluster.Execute(ctx, p.WithoutRefused(), apply.ExecuteOptions{Timeout: o.Timeout, Observe: e.waiting})
	result.took(executed.Changes)
	if err != nil {
		return err
	}
	return joinErrors(executed.Err(), problems)
}

func (e *Environments) waiting(object, message string) { e.Observer.Step("%s: %s", object, message) }

// deployments returns what takes time to become available.
func deployments(changes []plan.Change) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, c := range changes {
		if c.Object.Kind == "Deployment" && c.Action != plan.Delete && c.Action != plan.Keep {
			list = append(list, c.Object.Object())
		}
	}
	return list
}

// WaitReady waits until what was deployed is available. It is a step of its own,
// so that what was done can be told before.
func (e *Environments) WaitReady(ctx context.Context, w WaitOptions, environment string, changes []plan.Change) error {
	if !w.Wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	if err := e.Cluster.Wait(ctx, deployments(changes), e.waiting); err != nil {
		return fmt.Errorf("environment %s: %w", environment, err)
	}
	return nil
}
