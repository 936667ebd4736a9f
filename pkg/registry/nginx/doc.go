// SPDX-License-Identifier: Apache-2.0

// Package nginx makes configuration for those who keep nginx as their registry:
// it serves the images of an archive from the archive's tree, mounted or
// extracted, at the same paths and with the same answers as pkg/registry does,
// as far as static files can. docs/nginx.md tells where they differ.
//
// Names in an archive are of grammars that nginx's syntax has no part in, and
// are checked against them; paths that could not be written between double
// quotes are refused.
package nginx
