// SPDX-License-Identifier: Apache-2.0

// Package scale measures the plugins on a cluster with many Environments,
// Solutions and large definitions, beside kubectl with the same objects:
//
//	go test -run '^$' -bench . -benchtime 1x ./test/scale
//
// It uses the programs in bin/, and a control plane of its own. Ratios within one
// run are what counts. SCALE_ENVIRONMENTS says how many Environments there are.
package scale
