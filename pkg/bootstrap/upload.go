// SPDX-License-Identifier: Apache-2.0

package bootstrap

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
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// What goes on in an upload, after the request:
//
//	helper: {"offer": {"offset": N, "digest": D}}   it has N bytes, of digest D
//	client: {"offset": K}                           K is N, where its own have that digest, else 0
//	client: the bytes from K on
//	client: {"digest": D}                           of the whole archive
//	helper: {"result": …}
//
// so that nothing is taken for sent because it has the right name or length.

// chunkBytes is how much is read or written at a time.
const chunkBytes = 256 << 10

// maxLineBytes bounds what a client says in between.
const maxLineBytes = 1 << 10

// maxNameBytes leaves room for what stands around a name while it is uploaded;
// Linux has 255 for a name.
const maxNameBytes = 200

// upload answers an UploadRequest.
func (a *Agent) upload(ctx context.Context, in *bufio.Reader, req UploadRequest) (*UploadResult, error) {
	if err := checkUpload(req); err != nil {
		return nil, reasoned(ReasonBadRequest, err)
	}
	target := filepath.Join(a.Configuration.Archives.Upload, req.Name)
	result, err := a.receive(ctx, in, target, req)
	if err != nil {
		return nil, unwritable(fmt.Errorf("uploading to %s: %w", target, err))
	}
	return result, nil
}

func checkUpload(req UploadRequest) error {
	switch {
	case req.Name == "" || len(req.Name) > maxNameBytes || strings.HasPrefix(req.Name, ".") || strings.HasPrefix(req.Name, "-"),
		strings.ContainsRune(req.Name, '/') || strings.ContainsFunc(req.Name, unicode.IsControl):
		return fmt.Errorf("%q cannot be the name of an archive: it is one name, of at most %d bytes, that begins with neither a dot nor a dash", req.Name, maxNameBytes)
	case req.Size <= 0:
		return fmt.Errorf("archive %s: %d is no size", req.Name, req.Size)
	}
	return nil
}

func (a *Agent) receive(ctx context.Context, in *bufio.Reader, target string, req UploadRequest) (result *UploadResult, err error) {
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
	return &UploadResult{Path: target, Action: Uploaded, Received: req.Size - from}, s.commit()
}

// tryUpload tells what an upload would come to.
func (a *Agent) tryUpload(target string, req UploadRequest) (*UploadResult, error) {
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
	return &UploadResult{Path: target, Action: Uploaded}, checkSpace(folder, missing)
}

// compare is the upload of an archive that may be there already.
func (a *Agent) compare(ctx context.Context, in *bufio.Reader, target string, req UploadRequest) (result *UploadResult, err error) {
	file, err := os.OpenFile(target, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	digest := sha256.New()
	if _, err := hashFile(ctx, digest, file, req.Size, a.progress("comparing "+target)); err != nil {
		return nil, err
	}
	from, err := a.offer(ctx, in, req.Size, digestString(digest))
	switch {
	case err != nil:
		return nil, err
	case from != req.Size:
		return nil, occupied(target)
	}
	return &UploadResult{Path: target, Action: Unchanged}, nil
}

// offer says what is there, and returns where the client goes on.
func (a *Agent) offer(ctx context.Context, in *bufio.Reader, offset int64, digest string) (int64, error) {
	if err := a.emit(Event{Offer: &Offer{Offset: offset, Digest: digest}}); err != nil {
		return 0, err
	}
	var answer choice
	if err := readLine(ctx, in, &answer); err != nil {
		return 0, err
	}
	if answer.Offset != 0 && answer.Offset != offset {
		return 0, reasoned(ReasonBadRequest, fmt.Errorf("the client goes on at %d, where %d bytes are", answer.Offset, offset))
	}
	return answer.Offset, nil
}

// receive writes what the client sends up to the size of the archive, and
// compares the digest of the whole.
func (s *staging) receive(ctx context.Context, in *bufio.Reader, progress func(done, total int64)) error {
	report := throttle(progress)
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
	var sent trailer
	if err := readLine(ctx, in, &sent); err != nil {
		return err
	}
	if sent.Digest == s.sum() {
		return nil
	}
	return errors.Join(reasoned(ReasonConflict, hint.With(errors.New("what arrived is not what was sent: nothing of it is kept"), "run the command again")), s.restart())
}

// choice is where a client goes on.
type choice struct {
	Offset int64 `json:"offset"`
}

// trailer follows the bytes.
type trailer struct {
	Digest string `json:"digest"`
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
			return reasoned(ReasonBadRequest, errors.New("a line of JSON is due"))
		}
		if err := json.Unmarshal(o.line, into); err != nil {
			return reasoned(ReasonBadRequest, fmt.Errorf("a line of JSON is due: %w", err))
		}
		return nil
	}
}

// progressInterval is the least time between two reports.
const progressInterval = 100 * time.Millisecond

// throttle reports the first, the last and some in between.
func throttle(report func(done, total int64)) func(done, total int64) {
	var last time.Time
	return func(done, total int64) {
		if now := time.Now(); done == total || now.Sub(last) >= progressInterval {
			last = now
			report(done, total)
		}
	}
}
