// SPDX-License-Identifier: Apache-2.0

package agent

// What the tests of both ends know of an upload.
const (
	ChunkBytes  = chunkBytes
	AheadChunks = aheadChunks
	UploadMode  = uploadMode
)
