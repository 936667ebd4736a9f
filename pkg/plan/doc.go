// SPDX-License-Identifier: Apache-2.0

// Package plan computes what a cluster should hold: from values (what is
// imported, what is wanted in a namespace) to Kubernetes objects, and which
// objects are no longer wanted.
//
// Its functions are pure and deterministic: equal arguments, in whatever order
// their parts come, give equal results, so a dry run, a diff and an apply work
// on the same value. None changes its arguments.
package plan
