// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// read answers a ReadRequest.
func (a *Agent) read(ctx context.Context, req protocol.ReadRequest) (*protocol.ReadResult, error) {
	result := &protocol.ReadResult{Archives: []protocol.ReadFiles{}}
	left := int64(protocol.MaxReadBytes)
	for _, wanted := range req.Archives {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		files, err := a.readFiles(wanted, &left)
		if err != nil {
			return nil, err
		}
		result.Archives = append(result.Archives, protocol.ReadFiles{Archive: wanted.Archive, Files: files})
	}
	return result, nil
}

// readFiles reads files of one archive, of which left bytes may be, and counts
// them off.
func (a *Agent) readFiles(wanted protocol.ReadArchive, left *int64) ([]protocol.File, error) {
	paths, err := a.archivePaths([]string{wanted.Archive})
	if err != nil {
		return nil, err
	}
	opened, err := archive.Open(paths[0])
	if err != nil {
		return nil, withReason(protocol.ReasonInvalid, err)
	}
	defer opened.Close()
	files := []protocol.File{}
	for _, name := range wanted.Paths {
		data, err := opened.ReadFile(name)
		if err != nil {
			return nil, withReason(protocol.ReasonNotFound, fmt.Errorf("reading %s: %w", paths[0], err))
		}
		if *left -= int64(len(data)); *left < 0 {
			return nil, withReason(protocol.ReasonInvalid, hint.With(
				fmt.Errorf("reading %s: the files are longer than %d bytes together", paths[0], protocol.MaxReadBytes), "ask for fewer of them at a time"))
		}
		files = append(files, protocol.File{Path: name, Data: data})
	}
	return files, nil
}
