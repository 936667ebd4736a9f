// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// deletionRank orders deletions: first what is reached from outside, last what
// a running Operator needs in order to clean up. It is -1 for a kind that is not
// deployed for Solutions.
func deletionRank(r Ref) int {
	return slices.Index([]schema.GroupKind{
		{Group: "networking.k8s.io", Kind: "Ingress"},
		{Kind: "Service"},
		{Group: "apps", Kind: "Deployment"},
		{Kind: "ConfigMap"},
		{Group: rbacGroup, Kind: "RoleBinding"},
		{Group: rbacGroup, Kind: "Role"},
		{Group: rbacGroup, Kind: "ClusterRole"},
		{Kind: "ServiceAccount"},
	}, schema.GroupKind{Group: r.Group, Kind: r.Kind})
}
