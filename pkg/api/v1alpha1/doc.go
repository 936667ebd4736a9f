// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the formats that Solutions, bootstrap nodes and
// clusters exchange: the manifest of an archive (Solution), the list of
// archives on a node (SolutionsConfiguration), what an Operator reads
// (OperatorConfig), what a cluster records (SolutionRecord, Content), and the
// names, labels and annotations of group solutions.metalk8s.scality.com.
//
// It decodes and validates; it does no I/O.
package v1alpha1
