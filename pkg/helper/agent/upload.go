// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// chunkBytes is how much is read or written at a time.
const chunkBytes = 256 << 10

// maxLineBytes bounds what a client says in between.
const maxLineBytes = 1 << 10

// upload answers an UploadRequest.
func (a *Agent) upload(ctx context.Context, in *bufio.Reader, req protocol.UploadRequest) (*protocol.UploadResult, error) {
	if err := req.Validate(); err != nil {
		return nil, withReason(protocol.ReasonBadRequest, err)
	}
	target := filepath.Join(a.Configuration.Archives.Upload, req.Name)
	result, err := a.receive(ctx, in, target, req)
	if err != nil {
		return nil, explainWriteError(fmt.Errorf("uploading to %s: %w", target, err))
	}
	return result, nil
}

func (a *Agent) receive(ctx context.Context, in *bufio.Reader, target string, req protocol.UploadRequest) (result *protocol.UploadResult, err error) {
	info, err := os.Lstat(target)
	switch {
	case err == nil && info.Mode().IsRegular() && info.Size() == req.Size:
		return a.compare(ctx, in, target, req)
	case err == nil:
		return nil, occupied(target)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case req.DryRun:
		return a.tryUpload(target, req)
	}
	s, err := openStaging(target, req.Size)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.file.Close()) }()
	if err := s.resume(ctx, a.progress("comparing what is there of "+req.Name)); err != nil {
		return nil, err
	}
	if err := checkSpace(filepath.Dir(target), req.Size-s.written); err != nil {
		return nil, err
	}
	from, err := a.offer(ctx, in, s.written, s.sum())
	if err != nil {
		return nil, err
	}
	if from == 0 {
		if err := s.restart(); err != nil {
			return nil, err
		}
	}
	if err := s.receive(ctx, in, a.progress("uploading "+req.Name)); err != nil {
		return nil, err
	}
	return &protocol.UploadResult{Path: target, Action: protocol.Uploaded, Received: req.Size - from}, s.commit()
}

// tryUpload tells what an upload would come to.
func (a *Agent) tryUpload(target string, req protocol.UploadRequest) (*protocol.UploadResult, error) {
	folder := filepath.Dir(target)
	for {
		_, err := os.Stat(folder)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		folder = filepath.Dir(folder) // it would be made
	}
	missing := req.Size
	if info, err := os.Lstat(stagingPath(target)); err == nil {
		missing -= min(info.Size(), req.Size)
	}
	return &protocol.UploadResult{Path: target, Action: protocol.Uploaded}, checkSpace(folder, missing)
}

// compare is the upload of an archive that may be there already.
func (a *Agent) compare(ctx context.Context, in *bufio.Reader, target string, req protocol.UploadRequest) (result *protocol.UploadResult, err error) {
	file, err := os.OpenFile(target, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	digest := sha256.New()
	if _, err := protocol.HashFile(ctx, digest, file, req.Size, a.progress("comparing "+target)); err != nil {
		return nil, err
	}
	from, err := a.offer(ctx, in, req.Size, protocol.Digest(digest))
	switch {
	case err != nil:
		return nil, err
	case from != req.Size:
		return nil, occupied(target)
	}
	return &protocol.UploadResult{Path: target, Action: protocol.Unchanged}, nil
}

// offer says what is there, and returns where the client goes on.
func (a *Agent) offer(ctx context.Context, in *bufio.Reader, offset int64, digest string) (int64, error) {
	if err := a.emit(protocol.Event{Offer: &protocol.Offer{Offset: offset, Digest: digest}}); err != nil {
		return 0, err
	}
	var answer protocol.UploadStart
	if err := readLine(ctx, in, &answer); err != nil {
		return 0, err
	}
	if answer.Offset != 0 && answer.Offset != offset {
		return 0, withReason(protocol.ReasonBadRequest, fmt.Errorf("the client goes on at %d, where %d bytes are", answer.Offset, offset))
	}
	return answer.Offset, nil
}

// receive writes what the client sends up to the size of the archive, and
// compares the digest of the whole.
func (s *staging) receive(ctx context.Context, in *bufio.Reader, progress func(done, total int64)) error {
	report := protocol.Throttle(progress)
	chunks, stop := readAhead(in, s.size-s.written)
	defer stop()
	for s.written < s.size {
		var c chunk
		select {
		case c = <-chunks:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if _, err := s.Write(c.data); err != nil {
			return err
		}
		c.release()
		report(s.written, s.size)
		if c.err != nil {
			return hint.With(fmt.Errorf("the connection ended after %d of %d bytes", s.written, s.size), "run the command again: it goes on from there")
		}
	}
	var sent protocol.UploadEnd
	if err := readLine(ctx, in, &sent); err != nil {
		return err
	}
	if sent.Digest == s.sum() {
		return nil
	}
	return errors.Join(withReason(protocol.ReasonConflict, hint.With(errors.New("what arrived is not what was sent: nothing of it is kept"), "run the command again")), s.restart())
}

// readLine reads one line of JSON.
func readLine(ctx context.Context, in *bufio.Reader, into any) error {
	type outcome struct {
		line []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		line, err := in.ReadSlice('\n')
		done <- outcome{line, err}
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case o := <-done:
		switch {
		case errors.Is(o.err, io.EOF):
			return hint.With(errors.New("the connection ended"), "run the command again: it goes on from there")
		case o.err != nil || len(o.line) > maxLineBytes:
			return withReason(protocol.ReasonBadRequest, errors.New("a line of JSON is due"))
		}
		if err := json.Unmarshal(o.line, into); err != nil {
			return withReason(protocol.ReasonBadRequest, fmt.Errorf("a line of JSON is due: %w", err))
		}
		return nil
	}
}
