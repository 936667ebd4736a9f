// SPDX-License-Identifier: Apache-2.0

// Package agent is the bootstrap node's end of the helper's protocol: Agent
// answers one request. It alone changes solutions.yaml and the archives there.
package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// LockTimeout bounds how long a change waits for another one on the node.
const LockTimeout = 60 * time.Second

// AliveEvery is how long an agent is silent at most.
const AliveEvery = 5 * time.Second

// ErrGone says that nobody reads the answer any more.
var ErrGone = errors.New("whoever asked is gone")

// Agent answers one request on the bootstrap node.
type Agent struct {
	Configuration config.Configuration
	// ConfigurationPath is where Configuration was looked for.
	ConfigurationPath string
	// Version is the helper's own.
	Version string
	// LockTimeout is LockTimeout where it is 0.
	LockTimeout time.Duration
	// AliveEvery is AliveEvery where it is 0.
	AliveEvery time.Duration
	// Mounts mounts archives. Without it nothing is mounted.
	Mounts Mounter

	mu   sync.Mutex // events are written whole
	out  io.Writer
	said time.Time // when the last one was
	gone context.CancelCauseFunc
}

// Serve reads a request from in, answers it with events on out, and returns
// the error that it has reported there. Where an event cannot be written, or
// input ends that was to stay open, the client is gone: the work ends before
// anything is changed, and the error is ErrGone.
func (a *Agent) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.out, a.gone = out, cancel
	done := make(chan error, 1)
	go func() { done <- a.serve(ctx, in) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return a.leave(ctx, done)
	}
}

// leave waits for the end of work that is to end. It may be blocked where it
// writes to a client that is gone.
func (a *Agent) leave(ctx context.Context, done <-chan error) error {
	var stuck <-chan time.Time
	if errors.Is(context.Cause(ctx), ErrGone) {
		stuck = time.After(a.aliveEvery())
	}
	select {
	case err := <-done:
		return err
	case <-stuck:
		return context.Cause(ctx)
	}
}

func (a *Agent) serve(ctx context.Context, in io.Reader) error {
	if err := a.hello(); err != nil {
		return err
	}
	stop := a.keepAlive(ctx)
	result, err := a.answer(ctx, in)
	stop()
	if cause := context.Cause(ctx); errors.Is(cause, ErrGone) {
		return cause
	}
	if err == nil {
		var data []byte
		if data, err = json.Marshal(result); err == nil {
			return a.emit(protocol.Event{Result: data})
		}
	}
	return errors.Join(err, a.emit(protocol.Event{Error: failureOf(err)}))
}

// Refuse answers, whatever the request, that the helper cannot work, and
// returns err.
func (a *Agent) Refuse(out io.Writer, err error) error {
	a.out, a.gone = out, func(error) {}
	return errors.Join(err,
		a.hello(),
		a.emit(protocol.Event{Error: failureOf(withReason(protocol.ReasonInvalid, err))}))
}

func (a *Agent) answer(ctx context.Context, in io.Reader) (any, error) {
	req, rest, err := decodeRequest(in)
	if err != nil {
		return nil, withReason(protocol.ReasonBadRequest, err)
	}
	if req.KeepStdinOpen && req.Upload == nil { // an upload reads its input itself
		go a.watchStdin(rest)
	}
	switch {
	case req.List != nil:
		return a.list(ctx, *req.List)
	case req.Check != nil:
		return a.check(ctx, *req.Check)
	case req.Import != nil:
		return a.importArchives(ctx, req.Holder, *req.Import)
	case req.Unimport != nil:
		return a.unimport(ctx, req.Holder, *req.Unimport)
	case req.Sync != nil:
		return a.sync(ctx, req.Holder, *req.Sync)
	case req.Activate != nil:
		return a.activate(ctx, req.Holder, *req.Activate)
	case req.Deactivate != nil:
		return a.deactivate(ctx, req.Holder, *req.Deactivate)
	case req.Read != nil:
		return a.read(ctx, *req.Read)
	case req.Upload != nil:
		return a.upload(ctx, bufio.NewReaderSize(rest, maxLineBytes), *req.Upload)
	case req.Status != nil:
		return a.status(ctx), nil
	default:
		return a.Configuration, nil
	}
}

// change runs edit on the configuration under its lock, writes it, and mounts
// and unmounts what it says. A dry run takes no lock and writes nothing.
func (a *Agent) change(ctx context.Context, holder string, dryRun bool, edit func(*inventory) (*protocol.ChangeResult, error)) (result *protocol.ChangeResult, err error) {
	file := a.Configuration.SolutionsFile()
	if !dryRun {
		unlock, lockErr := a.lock(ctx, file, holder)
		if lockErr != nil {
			return nil, lockErr
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	doc, err := file.Read()
	if err != nil {
		return nil, withReason(protocol.ReasonInvalid, err)
	}
	inv := a.inventory(doc)
	result, err = edit(inv)
	if err != nil {
		return nil, err
	}
	if !dryRun {
		if err := a.write(ctx, file, doc); err != nil {
			return nil, err
		}
	}
	mounts := inv.mount(ctx, dryRun)
	result.State = inv.state()
	mounts.report(result)
	return result, nil
}

// write makes the document the configuration, unless the client is gone.
func (a *Agent) write(ctx context.Context, file solutionsconfig.File, doc *solutionsconfig.Document) error {
	err := a.checkClient(ctx)
	if err == nil {
		err = explainWriteError(file.Write(doc))
	}
	a.forgetUnlisted(file)
	return err
}

// forgetUnlisted removes notes of archives that are not listed any more, or
// were to be. Where it cannot, the next change tries again: they do no harm.
func (a *Agent) forgetUnlisted(file solutionsconfig.File) {
	doc, err := file.Read()
	if err != nil {
		return
	}
	var paths []string
	for _, path := range doc.Configuration().Archives {
		paths = append(paths, filepath.Clean(path))
	}
	_ = a.Configuration.VerifiedFolder().Keep(paths)
}

func (a *Agent) lock(ctx context.Context, file solutionsconfig.File, holder string) (func() error, error) {
	timeout := a.LockTimeout
	if timeout == 0 {
		timeout = LockTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("waited %v", timeout))
	defer cancel()
	unlock, err := file.LockTelling(ctx, holder, func(by string) {
		a.progress(fmt.Sprintf("waiting for %s, who has %s locked", by, file.Path))(0, 0)
	})
	switch {
	case err == nil:
		return unlock, nil
	case ctx.Err() == nil:
		return nil, explainWriteError(err)
	}
	return nil, withReason(protocol.ReasonLocked, hint.With(err, "another change is under way on the bootstrap node; run the command again when it has ended"))
}

// failure is an error with its Reason.
type failure struct {
	reason protocol.Reason
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func withReason(reason protocol.Reason, err error) error {
	if err == nil {
		return nil
	}
	return &failure{reason: reason, err: err}
}

func failureOf(err error) *protocol.Failure {
	f := &protocol.Failure{Message: err.Error(), Hint: hint.Of(err), Reason: protocol.ReasonInternal}
	var known *failure
	if errors.As(err, &known) {
		f.Reason = known.reason
	}
	return f
}

// resolveActive returns the version that a Solution's entry under `active`
// stands for, "" where none such is imported.
func resolveActive(entry string, versions []string) string {
	if entry == v1alpha1.LatestVersion {
		return v1alpha1.Latest(versions)
	}
	for _, v := range versions {
		if v == entry {
			return v
		}
	}
	return ""
}
