// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"fmt"
	"strings"
	"unicode"
)

// UploadRequest brings an archive to the node: its bytes follow the request, in
// the way that docs/protocol.md describes.
type UploadRequest struct {
	// Name is the archive's in the folder that the helper's configuration names.
	Name string `json:"name"`
	// Size is that of the archive, in bytes.
	Size   int64 `json:"size"`
	DryRun bool  `json:"dryRun,omitempty"`
}

// What goes on in an upload, after the request:
//
//	helper: {"offer": {"offset": N, "digest": D}}   it has N bytes, of digest D
//	client: {"offset": K}                           K is N, where its own have that digest, else 0
//	client: the bytes from K on
//	client: {"digest": D}                           of the whole archive
//	helper: {"result": …}
//
// so that nothing is taken for sent because it has the right name or length.

// UploadStart is where a client goes on.
type UploadStart struct {
	Offset int64 `json:"offset"`
}

// UploadEnd follows the bytes, with the digest of the whole archive.
type UploadEnd struct {
	Digest string `json:"digest"`
}

// UploadResult answers an UploadRequest.
type UploadResult struct {
	// Path is that of the archive on the node.
	Path string `json:"path"`
	// Action is Uploaded, or Unchanged where the archive was there already.
	Action Action `json:"action"`
	// Received is how many bytes were sent, in this upload.
	Received int64 `json:"received"`
}

// maxNameBytes leaves room for what stands around a name while it is uploaded;
// Linux has 255 for a name.
const maxNameBytes = 200

// Validate refuses a name or size that an archive cannot have.
func (req UploadRequest) Validate() error {
	switch {
	case req.Name == "" || len(req.Name) > maxNameBytes || strings.HasPrefix(req.Name, ".") || strings.HasPrefix(req.Name, "-"),
		strings.ContainsRune(req.Name, '/') || strings.ContainsFunc(req.Name, unicode.IsControl):
		return fmt.Errorf("%q cannot be the name of an archive: it is one name, of at most %d bytes, that begins with neither a dot nor a dash", req.Name, maxNameBytes)
	case req.Size <= 0:
		return fmt.Errorf("archive %s: %d is no size", req.Name, req.Size)
	}
	return nil
}
