// SPDX-License-Identifier: Apache-2.0

// Package registry serves the images of Solution archives to container
// runtimes: a read-only registry of the OCI distribution specification (v1.1,
// the pull and content discovery workflows) over ISO images that are read in
// place.
//
// An image images/<name>/<tag> of the archive with id <id> is <id>/<name>:<tag>.
// Manifests are served as they are stored, with their own media type: docker
// schema 2 and OCI, images and indexes.
//
// Bytes are served only while the archive's file is what it was when it was
// opened: device, inode, size and times are compared before an answer begins,
// and after every piece that is read for it. Manifests are held against their
// digest as well. An archive that changed answers 503, an answer under way ends
// in a broken connection, and the archive is opened again.
package registry
