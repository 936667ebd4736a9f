// SPDX-License-Identifier: Apache-2.0

// Package iso9660 reads ISO 9660 images (ECMA-119) through an [io.ReaderAt],
// as an [io/fs.FS].
//
// Names come from Rock Ridge (RRIP 1.09 to 1.12 over SUSP) and, where an image
// has none, from Joliet. An image with neither is refused, since plain
// ISO 9660 cuts names to some 30 characters and a digest no longer fits.
//
// A file in an image is one run of bytes, or a few above 4 GiB: the
// [io/fs.FileInfo] of a regular file says which, by [Extents], so that a server can
// hand those bytes to a socket without reading through this package.
//
// The whole tree is read by [Open] and checked there. Every address and length
// is compared with the size of the image before use, so an image cut short or
// damaged in its structure gives an error from Open, not from some later read.
// Damage inside a file's content is not seen here: that takes a digest.
//
// Ignored, since the tree does not depend on them: boot records (El Torito),
// partition tables of hybrid images, UDF bridges, path tables. Left out of
// the tree:
//
//   - symbolic links whose target is malformed (genisoimage writes such links
//     for targets above some 250 bytes);
//   - associated files (resource forks), which have the name of the file they
//     belong to;
//   - the directory rr_moved (or .rr_moved), if it is in the root and holds nothing but
//     directories that were moved there for lying too deep. Those are seen
//     where they belong. bsdtar does the same; osirrox shows an empty rr_moved.
package iso9660
