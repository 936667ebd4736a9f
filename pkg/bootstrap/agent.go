// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// MaxRequestBytes bounds a request.
const MaxRequestBytes = 1 << 20

// LockTimeout bounds how long a change waits for another one on the node.
const LockTimeout = 60 * time.Second

// Agent answers one request on the bootstrap node.
type Agent struct {
	Configuration Configuration
	// ConfigurationPath is where Configuration was looked for.
	ConfigurationPath string
	// Version is the helper's own.
	Version string
	// LockTimeout is LockTimeout where it is 0.
	LockTimeout time.Duration

	mu  sync.Mutex // events are written whole
	out io.Writer
}

// Serve reads a request from in, answers it with events on out, and returns
// the error that it has reported there.
func (a *Agent) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	a.out = out
	if err := a.emit(Event{Hello: &Hello{Version: a.Version, Protocol: Protocol}}); err != nil {
		return err
	}
	result, err := a.answer(ctx, in)
	if err == nil {
		var data []byte
		if data, err = json.Marshal(result); err == nil {
			return a.emit(Event{Result: data})
		}
	}
	return errors.Join(err, a.emit(Event{Error: failureOf(err)}))
}

// Refuse answers, whatever the request, that the helper cannot work, and
// returns err.
func (a *Agent) Refuse(out io.Writer, err error) error {
	a.out = out
	return errors.Join(err,
		a.emit(Event{Hello: &Hello{Version: a.Version, Protocol: Protocol}}),
		a.emit(Event{Error: failureOf(reasoned(ReasonInvalid, err))}))
}

func (a *Agent) answer(ctx context.Context, in io.Reader) (any, error) {
	buffered := bufio.NewReaderSize(in, maxLineBytes)
	req, err := decodeRequest(buffered)
	if err != nil {
		return nil, reasoned(ReasonBadRequest, err)
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
	case req.Activate != nil:
		return a.activate(ctx, req.Holder, *req.Activate)
	case req.Deactivate != nil:
		return a.deactivate(ctx, req.Holder, *req.Deactivate)
	case req.Read != nil:
		return a.readFiles(*req.Read)
	case req.Upload != nil:
		return a.upload(ctx, buffered, *req.Upload)
	case req.Status != nil:
		return a.status(ctx), nil
	default:
		return a.Configuration, nil
	}
}

// decodeRequest reads one JSON value: a line, or all that there is.
func decodeRequest(in *bufio.Reader) (*Request, error) {
	data, err := readRequest(in)
	if err != nil {
		return nil, err
	}
	// The protocol is looked at first: a request of another version may have
	// fields that this one does not know.
	var version struct{ Protocol int }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("the request is not JSON: %w", err)
	}
	if version.Protocol != Protocol {
		return nil, hint.With(fmt.Errorf("the request is of protocol %d, and this helper speaks protocol %d", version.Protocol, Protocol),
			"install the plugins and solution-bootstrap in the same version")
	}
	req := &Request{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(req); err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if n := operations(req); n != 1 {
		return nil, fmt.Errorf("the request asks for %d operations, and must ask for one", n)
	}
	return req, nil
}

// readRequest reads the first line and leaves what follows it, if that is JSON,
// and else all that there is.
func readRequest(in *bufio.Reader) ([]byte, error) {
	var data []byte
	for isFirst := true; ; {
		piece, err := in.ReadSlice('\n')
		data = append(data, piece...)
		switch {
		case len(data) > MaxRequestBytes:
			return nil, fmt.Errorf("the request is longer than %d bytes", MaxRequestBytes)
		case errors.Is(err, io.EOF):
			return data, nil
		case err == nil && isFirst:
			if json.Valid(data) {
				return data, nil
			}
			isFirst = false
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("reading the request: %w", err)
		}
	}
}

func operations(req *Request) int {
	n := 0
	for _, field := range reflect.ValueOf(*req).Fields() {
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			n++
		}
	}
	return n
}

func (a *Agent) emit(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err = a.out.Write(append(line, '\n'))
	return err
}

// progress returns a function that reports how far step is. An event that
// cannot be written is not an error: the work is.
func (a *Agent) progress(step string) func(done, total int64) {
	return func(done, total int64) {
		_ = a.emit(Event{Progress: &Progress{Step: step, Done: done, Total: total}})
	}
}

// change runs edit on the configuration under its lock, and writes it. A dry
// run takes no lock and writes nothing.
func (a *Agent) change(ctx context.Context, holder string, dryRun bool, edit func(*inventory) (*Change, error)) (result *Change, err error) {
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
		return nil, reasoned(ReasonInvalid, err)
	}
	inv := a.inventory(doc)
	result, err = edit(inv)
	if err != nil {
		return nil, err
	}
	if !dryRun {
		if err := file.Write(doc); err != nil {
			return nil, err
		}
		a.forgetUnlisted(doc)
	}
	result.State = inv.state()
	return result, nil
}

// forgetUnlisted removes notes of archives that are not listed any more. Where
// it cannot, the next change tries again: they do no harm.
func (a *Agent) forgetUnlisted(doc *solutionsconfig.Document) {
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
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	unlock, err := file.Lock(ctx, holder)
	if err != nil {
		return nil, reasoned(ReasonLocked, hint.With(err, "another change is under way on the bootstrap node; run the command again when it has ended"))
	}
	return unlock, nil
}

// failure is an error with its Reason.
type failure struct {
	reason Reason
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func reasoned(reason Reason, err error) error {
	if err == nil {
		return nil
	}
	return &failure{reason: reason, err: err}
}

func failureOf(err error) *Failure {
	f := &Failure{Message: err.Error(), Hint: hint.Of(err), Reason: ReasonInternal}
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
