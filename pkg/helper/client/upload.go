// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// Upload brings the archive in file to the node, into the folder that its
// configuration names, under the file's own name. What is there of it already,
// by content, is not sent again. With dryRun nothing is sent.
func (c *Client) Upload(ctx context.Context, file *os.File, dryRun bool) (*protocol.UploadResult, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	req := protocol.UploadRequest{Name: filepath.Base(file.Name()), Size: info.Size(), DryRun: dryRun}
	if err := req.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &sender{ctx: ctx, file: file, info: info, offers: make(chan protocol.Offer, 1), digest: sha256.New(), progress: c.Progress}
	return askStream[protocol.UploadResult](ctx, c, protocol.Request{Upload: &req}, s)
}

// sender is what the helper reads in an upload: the request, where to go on,
// the bytes, their digest.
type sender struct {
	ctx      context.Context // of the one upload that it is made for
	file     *os.File
	info     fs.FileInfo
	offers   chan protocol.Offer
	digest   hash.Hash
	progress func(protocol.Progress)

	line   []byte                // what is to be read before anything else
	err    atomic.Pointer[error] // what is wrong on this side
	phase  int
	offset int64
}

// Phases of a sender: what is due once its line is read.
const (
	phaseOffer = iota
	phaseBytes
	phaseEnd
)

// Read implements io.Reader.
func (s *sender) Read(p []byte) (int, error) {
	for {
		if len(s.line) > 0 {
			n := copy(p, s.line)
			s.line = s.line[n:]
			return n, nil
		}
		switch {
		case s.phase == phaseOffer:
			if err := s.choose(); err != nil {
				return 0, err
			}
			s.phase = phaseBytes
		case s.phase == phaseBytes && s.offset < s.info.Size():
			return s.send(p)
		case s.phase == phaseBytes:
			if err := s.finish(); err != nil {
				return 0, err
			}
			s.phase = phaseEnd
		default:
			return 0, io.EOF
		}
	}
}

// choose waits for what the helper has, and compares it.
func (s *sender) choose() (err error) {
	select {
	case <-s.ctx.Done():
		return io.EOF // the helper has ended
	case offer := <-s.offers:
		if s.offset, err = s.match(offer); err != nil {
			return err
		}
	}
	s.line, err = lineOf(protocol.UploadStart{Offset: s.offset})
	return err
}

func (s *sender) match(offer protocol.Offer) (int64, error) {
	if offer.Offset == 0 {
		return 0, nil
	}
	n, err := protocol.HashFile(s.ctx, s.digest, s.file, min(offer.Offset, s.info.Size()), s.compared)
	if err != nil {
		return 0, s.broken(err)
	}
	if n == offer.Offset && protocol.Digest(s.digest) == offer.Digest {
		return n, nil
	}
	s.digest.Reset()
	return 0, nil
}

func (s *sender) compared(done, total int64) {
	if s.progress != nil {
		s.progress(protocol.Progress{Step: "comparing " + s.file.Name(), Done: done, Total: total})
	}
}

func (s *sender) send(p []byte) (int, error) {
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.info.Size()-s.offset)], s.offset)
	if n > 0 {
		s.digest.Write(p[:n])
		s.offset += int64(n)
		return n, nil
	}
	return 0, s.broken(err)
}

// finish makes sure that what was sent is one state of the file.
func (s *sender) finish() error {
	now, err := s.file.Stat()
	if err != nil {
		return s.broken(err)
	}
	if now.Size() != s.info.Size() || !now.ModTime().Equal(s.info.ModTime()) {
		return s.broken(errors.New("it was changed while it was read"))
	}
	s.line, err = lineOf(protocol.UploadEnd{Digest: protocol.Digest(s.digest)})
	return err
}

// broken keeps an error, and has it name the file. An io.EOF came too soon.
func (s *sender) broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	err = fmt.Errorf("%s: %w", s.file.Name(), err)
	s.err.Store(&err)
	return err
}

func lineOf(value any) ([]byte, error) {
	line, err := json.Marshal(value)
	return append(line, '\n'), err
}
