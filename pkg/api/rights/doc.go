// SPDX-License-Identifier: Apache-2.0

// Package rights describes what Roles and ClusterRoles allow: in short, with
// the dangerous rights named, and as the difference between two sets of rules.
// The rules for archives and the plan of a deployment use it, so that both say
// the same of the same right.
//
// It is pure, and works on JSON data: the helper on the bootstrap node has no
// types of the Kubernetes API in it.
package rights
