// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// ask sends a request and returns the helper's result.
func ask[T any](ctx context.Context, c *Client, req protocol.Request) (*T, error) {
	req.KeepStdinOpen = remote.NeedsOpenStdin(c.Runner)
	data, err := encode(req)
	if err != nil {
		return nil, err
	}
	var stdin io.Reader = bytes.NewReader(data)
	if req.KeepStdinOpen {
		asking, answered := context.WithCancel(ctx)
		defer answered()
		stdin = io.MultiReader(stdin, openStdin{asking})
	}
	return answer[T](ctx, c, &req, stdin, nil)
}

// openStdin is an input with nothing in it, which ends when ctx does.
type openStdin struct{ ctx context.Context }

// Read implements io.Reader.
func (o openStdin) Read([]byte) (int, error) {
	<-o.ctx.Done()
	return 0, io.EOF
}

// askStream sends a request with what s sends after it.
func askStream[T any](ctx context.Context, c *Client, req protocol.Request, s *sender) (_ *T, err error) {
	if s.line, err = encode(req); err != nil {
		return nil, err
	}
	result, err := answer[T](ctx, c, &req, s, s.offers)
	if cause := s.err.Load(); cause != nil {
		return nil, *cause // the helper knows only that nothing more came
	}
	return result, err
}

func encode(req protocol.Request) ([]byte, error) {
	req.Protocol, req.Holder = protocol.Version, holder()
	line, err := lineOf(req)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	return line, nil
}

func answer[T any](ctx context.Context, c *Client, req *protocol.Request, stdin io.Reader, offers chan<- protocol.Offer) (*T, error) {
	events, err := c.run(ctx, req, stdin, offers)
	if err != nil {
		return nil, err
	}
	if events.failure != nil {
		return nil, &RemoteError{Failure: *events.failure}
	}
	result := new(T)
	// Keeps integers in manifests as they are written.
	if err := utiljson.Unmarshal(events.result, result); err != nil {
		return nil, fmt.Errorf("bootstrap node (%s): reading the helper's result: %w", c.Runner, err)
	}
	return result, nil
}

// run runs the helper until it has given a result or reported a failure.
func (c *Client) run(ctx context.Context, req *protocol.Request, stdin io.Reader, offers chan<- protocol.Offer) (*eventReader, error) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	events := &eventReader{progress: c.Progress, offers: offers, timer: newSilenceTimer(cmp.Or(c.HelloTimeout, HelloTimeout))}
	go events.timer.run(running, cancel)
	err := c.Runner.Run(running, stdin, events)
	var failed *remote.RunError
	isRunError := errors.As(err, &failed)
	switch {
	case events.err == nil && events.failure != nil, events.err == nil && events.result != nil && err == nil:
		return events, nil
	case events.err == nil && events.result != nil && isRunError && failed.Reason == remote.Lost:
		return events, nil // everything had been said
	case err == nil:
		failed = &remote.RunError{}
	case !isRunError:
		return nil, fmt.Errorf("bootstrap node (%s): %w", c.Runner, err)
	}
	e := *failed
	events.explain(&e)
	if req.Changes() && events.hello != nil && ctx.Err() == nil {
		e.Err = fmt.Errorf("%w; the change may have been made, or not", e.Err)
		e.Advice = cmp.Or(e.Advice, "run the command again: what was done already is left as it is")
	}
	return nil, fmt.Errorf("bootstrap node (%s): %w", c.Runner, &e)
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
