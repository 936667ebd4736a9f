// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// MaxEventBytes bounds one event: a helper that answers without end is stopped.
const MaxEventBytes = 64 << 20

// Client asks the helper, wherever it runs.
type Client struct {
	Runner remote.Runner
	// Progress, where it is set, is called for each progress event.
	Progress func(Progress)
}

// List returns what is imported on the bootstrap node.
func (c *Client) List(ctx context.Context, req ListRequest) (*State, error) {
	return ask[State](ctx, c, Request{List: &req})
}

// Check tells what is in archives, and wrong with them.
func (c *Client) Check(ctx context.Context, req CheckRequest) (*CheckResult, error) {
	return ask[CheckResult](ctx, c, Request{Check: &req})
}

// Import lists archives in the node's configuration.
func (c *Client) Import(ctx context.Context, req ImportRequest) (*Change, error) {
	return ask[Change](ctx, c, Request{Import: &req})
}

// Unimport removes archives from the node's configuration.
func (c *Client) Unimport(ctx context.Context, req UnimportRequest) (*Change, error) {
	return ask[Change](ctx, c, Request{Unimport: &req})
}

// Activate sets the active version of a Solution.
func (c *Client) Activate(ctx context.Context, req ActivateRequest) (*Change, error) {
	return ask[Change](ctx, c, Request{Activate: &req})
}

// Deactivate leaves a Solution without an active version.
func (c *Client) Deactivate(ctx context.Context, req DeactivateRequest) (*Change, error) {
	return ask[Change](ctx, c, Request{Deactivate: &req})
}

// Read returns files of an imported archive.
func (c *Client) Read(ctx context.Context, req ReadRequest) (*ReadResult, error) {
	return ask[ReadResult](ctx, c, Request{Read: &req})
}

// Configuration returns the helper's own configuration.
func (c *Client) Configuration(ctx context.Context) (*Configuration, error) {
	return ask[Configuration](ctx, c, Request{Configuration: &ConfigurationRequest{}})
}

// Status tells how the helper and its registry are.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return ask[Status](ctx, c, Request{Status: &StatusRequest{}})
}

// RemoteError is an error that the helper reports.
type RemoteError struct {
	Failure
}

func (e *RemoteError) Error() string { return e.Message }

// Hint returns what the helper advises, "" for nothing.
func (e *RemoteError) Hint() string { return e.Failure.Hint }

// ask sends a request and returns the helper's result.
func ask[T any](ctx context.Context, c *Client, req Request) (*T, error) {
	data, err := encode(req)
	if err != nil {
		return nil, err
	}
	return run[T](ctx, c, bytes.NewReader(data), &eventReader{progress: c.Progress})
}

// askStream sends a request with what s sends after it.
func askStream[T any](ctx context.Context, c *Client, req Request, s *sender) (_ *T, err error) {
	if s.line, err = encode(req); err != nil {
		return nil, err
	}
	result, err := run[T](ctx, c, s, &eventReader{progress: c.Progress, offers: s.offers})
	if cause := s.err.Load(); cause != nil {
		return nil, *cause // the helper knows only that nothing more came
	}
	return result, err
}

func encode(req Request) ([]byte, error) {
	req.Protocol, req.Holder = Protocol, holder()
	line, err := lineOf(req)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	return line, nil
}

func run[T any](ctx context.Context, c *Client, stdin io.Reader, events *eventReader) (*T, error) {
	runErr := c.Runner.Run(ctx, stdin, events)
	if events.err == nil && events.failure != nil {
		return nil, &RemoteError{Failure: *events.failure}
	}
	if err := events.outcome(runErr); err != nil {
		return nil, fmt.Errorf("bootstrap node (%s): %w", c.Runner, err)
	}
	result := new(T)
	// Keeps integers in manifests as they are written.
	if err := utiljson.Unmarshal(events.result, result); err != nil {
		return nil, fmt.Errorf("bootstrap node (%s): reading the helper's result: %w", c.Runner, err)
	}
	return result, nil
}

// holder names who asks: it is shown to those who have to wait.
func holder() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}

// eventReader is the writer that the helper's standard output is copied to.
type eventReader struct {
	progress func(Progress)
	offers   chan<- Offer // nil where none is due

	partial []byte // of a line
	hello   *Hello
	result  json.RawMessage
	failure *Failure
	err     error // what is wrong with the output itself
}

// Write implements io.Writer. An error ends the helper.
func (r *eventReader) Write(p []byte) (int, error) {
	n := len(p)
	for r.err == nil {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		if len(r.partial)+len(line) > MaxEventBytes {
			r.err = fmt.Errorf("the helper answered with a line longer than %d bytes", MaxEventBytes)
			break
		}
		r.partial = append(r.partial, line...)
		if !found {
			return n, nil
		}
		r.err = r.event(r.partial)
		r.partial, p = r.partial[:0], rest
	}
	return 0, r.err
}

func (r *eventReader) event(line []byte) error {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return hint.With(fmt.Errorf("the helper answered something that is no event: %.80q", line),
			"see that nothing else, as a login script, writes to the helper's standard output")
	}
	switch {
	case r.result != nil || r.failure != nil:
		return errors.New("the helper went on after its last event")
	case e.Hello != nil:
		r.hello = e.Hello
		if e.Hello.Protocol != Protocol {
			return hint.With(fmt.Errorf("the helper (version %s) speaks protocol %d, and this plugin protocol %d", e.Hello.Version, e.Hello.Protocol, Protocol),
				"install the plugins and solution-bootstrap in the same version")
		}
	case r.hello == nil:
		return errors.New("the helper did not say hello")
	case e.Progress != nil:
		if r.progress != nil {
			r.progress(*e.Progress)
		}
	case e.Offer != nil && r.offers == nil:
		return errors.New("the helper offers to go on with an upload that there is none of, or for the second time")
	case e.Offer != nil:
		r.offers <- *e.Offer
		r.offers = nil
	case e.Result != nil:
		r.result = bytes.Clone(e.Result)
	case e.Error != nil:
		r.failure = e.Error
	}
	return nil
}

// outcome says what went wrong on the way, given how the helper ended.
func (r *eventReader) outcome(runErr error) error {
	switch {
	case r.err != nil:
		return r.err
	case runErr != nil:
		return runErr
	case r.result == nil:
		return hint.With(errors.New("the helper ended without a result"), "run the command again: it goes on where this one ended")
	}
	return nil
}
