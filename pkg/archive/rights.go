// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"maps"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// checkReserved finds roles that would change or replace those of others.
func (in *inspector) checkReserved(solution string, roles []map[string]any) {
	for _, document := range roles {
		o := object(document)
		if err := v1alpha1.ReservedRoleName(solution, o.text("metadata", "name")); err != nil {
			in.errorf(StagePrepare, RuleRoleReserved, rolePath, "%s %.100q: %v", o.text("kind"), o.text("metadata", "name"), err)
		}
	}
}

// checkRights checks what roles allow. ownGroups are the API groups that the
// archive's CRDs define.
func (in *inspector) checkRights(roles []map[string]any, ownGroups []string) {
	for _, document := range roles {
		o := object(document)
		kind, name := o.text("kind"), o.text("metadata", "name")
		role, err := rights.Decode(document)
		if err != nil {
			in.errorf(StageImport, RuleRoleRules, rolePath, "%s %.100q: %v", kind, name, err)
			continue
		}
		for _, field := range role.Unknown {
			in.warnf(RuleRoleUnknown, rolePath, "%s %.100q: unknown field %.100s, which Kubernetes ignores", kind, name, field)
		}
		problems := role.Problems()
		for _, problem := range problems {
			in.errorf(StageImport, RuleRoleRules, rolePath, "%s %.100q: %s", kind, name, problem)
		}
		if len(problems) == 0 {
			// Kubernetes grants nothing by a role that it refuses.
			in.warnRights(role, ownGroups)
		}
	}
}

func (in *inspector) warnRights(role *rights.Role, ownGroups []string) {
	for _, risk := range role.Risks(ownGroups) {
		in.warnf(RuleRoleDangerous, rolePath, "%s %.100q: %s", role.Kind, role.Name, risk.Detail)
	}
	if _, dropped := rights.KeptAggregationLabels(role, ownGroups); len(dropped) > 0 {
		labels := strings.Join(slices.Sorted(maps.Keys(dropped)), ", ")
		in.warnf(RuleRoleAggregate, rolePath, "%s %.100q is deployed without label %s, which is kept only for API groups of the archive's own CRDs: %s",
			role.Kind, role.Name, labels, role.Foreign(ownGroups))
	}
}
