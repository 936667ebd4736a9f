// SPDX-License-Identifier: Apache-2.0

// Package isofuse serves an archive's tree to the kernel of this machine as a
// file system (FUSE), read-only. It is for Linux.
//
// It keeps nothing besides the index of the image: an inode's number is that of
// the index's entry. The kernel may keep what it was told, for nothing in an
// archive changes. An archive that is written to while it is mounted gives I/O
// errors from then on, not a mixture of both contents.
package isofuse
