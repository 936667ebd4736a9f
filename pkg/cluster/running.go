// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// running is what runs in Environments, as the labels of Deployments tell: what
// an Environment's ConfigMap wishes may be something else.
type running struct {
	environments []Environment
	deployments  []metav1.PartialObjectMetadata
	operators    []plan.Operator
	// environment maps namespaces to the names of their Environments.
	environment map[string]string
}

func runningIn(environments []Environment, deployments, configs []metav1.PartialObjectMetadata) *running {
	r := &running{environments: environments, environment: map[string]string{}}
	terminating := map[string]bool{}
	for _, e := range environments {
		for _, n := range e.Namespaces {
			r.environment[n.Name()] = e.Name
			terminating[n.Name()] = n.Terminating()
		}
	}
	digests := map[string]string{}
	exists := map[string]bool{}
	for i := range configs {
		key := configs[i].Namespace + "/" + configs[i].Name
		exists[key] = true
		digests[key] = configs[i].Annotations[v1alpha1.ConfigDigestAnnotation]
	}
	for i := range deployments {
		d := &deployments[i]
		if _, known := r.environment[d.Namespace]; !known {
			continue
		}
		r.deployments = append(r.deployments, *d)
		solution := d.Labels[v1alpha1.PartOfLabel]
		config := d.Namespace + "/" + solution + "-operator-config"
		if d.Labels[v1alpha1.ComponentLabel] != "operator" || d.Name != solution+"-operator" || !exists[config] ||
			terminating[d.Namespace] || d.DeletionTimestamp != nil {
			continue
		}
		r.operators = append(r.operators, plan.Operator{
			Environment: r.environment[d.Namespace], Namespace: d.Namespace, Solution: solution,
			Digest: d.Annotations[v1alpha1.ConfigDigestAnnotation], ConfigDigest: digests[config],
		})
	}
	return r
}

// uses returns where versions run: where a Deployment of theirs is, and, of a
// version that deploys none, where it is wanted.
func (r *running) uses(records map[string][]v1alpha1.SolutionRecord, contents map[plan.VersionKey]*v1alpha1.Content) []plan.Use {
	var uses []plan.Use
	add := func(u plan.Use) {
		if !slices.Contains(uses, u) {
			uses = append(uses, u)
		}
	}
	for i := range r.deployments {
		d := &r.deployments[i]
		solution := d.Labels[v1alpha1.PartOfLabel]
		add(plan.Use{
			Environment: r.environment[d.Namespace], Namespace: d.Namespace, Solution: solution,
			Version: LabelledVersion(records[solution], d.Labels[v1alpha1.VersionLabel]),
		})
	}
	for _, e := range r.environments {
		for _, n := range e.Namespaces {
			for name, version := range n.Solutions {
				c := contents[plan.VersionKey{Name: name, Version: version}]
				if c != nil && c.Operator == nil && (c.UI == nil || !c.UIDeploy) {
					add(plan.Use{Environment: e.Name, Namespace: n.Name(), Solution: name, Version: version})
				}
			}
		}
	}
	return uses
}

// LabelledVersion returns the imported version that has a label value, or the
// value itself where none has.
func LabelledVersion(records []v1alpha1.SolutionRecord, label string) string {
	for _, r := range records {
		if v1alpha1.VersionLabelValue(r.Version) == label {
			return r.Version
		}
	}
	return label
}
