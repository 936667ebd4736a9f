// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"k8s.io/apimachinery/pkg/api/validate/content"
)

// Groups and versions that Kubernetes serves (1.22 and later serve no other
// version of either).
const (
	rbacGroup   = "rbac.authorization.k8s.io"
	rbacVersion = rbacGroup + "/v1"
)

// roles reads operator/deploy/role.yaml, which an archive may lack.
func (in *inspector) roles() []map[string]any {
	data, err := in.read(rolePath)
	if !in.readable(rolePath, err) {
		return nil
	}
	documents, err := DecodeDocuments(data)
	if err != nil {
		in.errorf(StageImport, RuleRoleYAML, rolePath, "%v", err)
		return nil
	}
	var roles []map[string]any
	seen := map[string]bool{}
	for i, document := range documents {
		if in.checkRole(i+1, document, seen) {
			roles = append(roles, document)
		}
	}
	return roles
}

// checkRole checks one document, the n-th, and reports whether it is a role.
// seen are the kinds and names of those before.
func (in *inspector) checkRole(n int, document map[string]any, seen map[string]bool) bool {
	o := object(document)
	kind, group, name := o.text("kind"), o.group(), o.text("metadata", "name")
	if group != rbacGroup || kind != "Role" && kind != "ClusterRole" {
		in.add(Finding{
			Severity: Error, Rule: RuleRoleKind, Path: rolePath, Blocks: StageImport,
			Message: o.ordinal(n) + ", and only Role and ClusterRole of " + rbacVersion + " may be there",
		})
		return false
	}
	if name == "" {
		in.errorf(StageImport, RuleRoleName, rolePath, "document %d: the %s has no metadata.name", n, kind)
		return false
	}
	if problems := content.IsPathSegmentName(name); len(problems) > 0 {
		in.errorf(StageImport, RuleRoleName, rolePath, "%s %.100q: a name %s", kind, name, problems[0])
		return false
	}
	if seen[kind+"/"+name] {
		in.errorf(StageImport, RuleRoleDuplicate, rolePath, "%s %q is there twice", kind, name)
		return false
	}
	seen[kind+"/"+name] = true
	if version := o.text("apiVersion"); version != rbacVersion {
		in.errorf(StagePrepare, RuleRoleVersion, rolePath,
			"%s %q is %s, which Kubernetes 1.22 and later do not serve; it needs %s", kind, name, version, rbacVersion)
	}
	return true
}
