// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Running returns what runs in Environments, as State finds it out.
func Running(environments []Environment, deployments, configs []metav1.PartialObjectMetadata, records map[string][]v1alpha1.SolutionRecord, contents map[plan.VersionKey]*v1alpha1.Content) ([]plan.Operator, []plan.Use) {
	r := runningIn(environments, deployments, configs)
	return r.operators, r.uses(records, contents)
}
