// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// ShareClusterRoles widens the ClusterRoles among objects to what every one of
// versions needs: those of a Solution that run anywhere in the cluster. A
// ClusterRole is one for all Environments, and an upgrade in one of them must
// not take rights from an Operator in another; as it is bound per namespace
// only, no Operator gains rights outside its own.
//
// The result does not depend on which of the versions objects were made for,
// so preparing one Environment after the other changes nothing.
func ShareClusterRoles(objects []*unstructured.Unstructured, versions []*v1alpha1.Content) {
	versions = slices.Clone(versions)
	slices.SortFunc(versions, func(a, b *v1alpha1.Content) int { return v1alpha1.CompareVersions(b.Version, a.Version) })
	for _, o := range objects {
		if o.GetKind() != "ClusterRole" {
			continue
		}
		var rules []any
		highest := ""
		for _, v := range versions {
			own, found := clusterRoleRules(v, o.GetName())
			if found && highest == "" {
				highest = v.Version
			}
			for _, rule := range own {
				if !slices.ContainsFunc(rules, func(r any) bool { return equality.Semantic.DeepEqual(r, rule) }) {
					rules = append(rules, runtime.DeepCopyJSONValue(rule))
				}
			}
		}
		if highest == "" {
			continue
		}
		o.Object["rules"] = rules
		labels := o.GetLabels()
		labels[v1alpha1.VersionLabel] = v1alpha1.VersionLabelValue(highest)
		o.SetLabels(labels)
	}
}

func clusterRoleRules(c *v1alpha1.Content, name string) ([]any, bool) {
	for _, document := range c.Roles {
		u := &unstructured.Unstructured{Object: document}
		if u.GetKind() == "ClusterRole" && u.GetName() == name {
			rules, _ := document["rules"].([]any)
			return rules, true
		}
	}
	return nil, false
}
