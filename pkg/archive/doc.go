// SPDX-License-Identifier: Apache-2.0

// Package archive reads a Solution archive: an ISO 9660 image, or any tree of
// files in the same layout, that holds the manifest of a Solution
// (manifest.yaml), its images (images/<name>/<tag>/, in the layout of `skopeo
// copy … dir:`), the roles of its Operator (operator/deploy/role.yaml) and its
// CustomResourceDefinitions (operator/deploy/crds/*.yaml).
//
// Nothing is unpacked and nothing is written. Inspect reads the structure,
// which takes milliseconds; Verify reads every byte that a digest vouches for.
// Both say what is wrong as a Report of Findings, each with the rule that it
// breaks (see Rules) and the stage that it prevents, so that the caller
// decides what to refuse.
//
// An archive comes from elsewhere: sizes, counts and depths are bounded, and
// no content makes this package panic.
package archive
