// SPDX-License-Identifier: Apache-2.0

// Package solutionsconfig reads, edits and replaces the SolutionsConfiguration
// file of a bootstrap node (solutions.yaml), which people edit by hand too.
//
// An edit changes the text only where it must: comments, order, blank lines,
// indentation, quoting, line endings and unknown fields stay as they are. Each
// edit is checked by decoding its result. Where the text cannot be edited so
// (aliases, scalars over several lines), the document is encoded anew, which
// keeps comments and order but not blank lines; and where that would lose
// anything either, the edit fails and nothing changes.
//
// Comments are a person's words, and not this package's to delete: of an entry
// that is removed, only the comment on its own line goes, for it can speak of
// nothing else. A comment above it may as well speak of the entries below it.
//
// A file is written whole or not at all, and only by those who find it as they
// read it; Lock keeps those who follow the same rule apart.
package solutionsconfig
