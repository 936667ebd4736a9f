// SPDX-License-Identifier: Apache-2.0

// Package client is the plugins' end of the helper's protocol: Client asks one
// request, wherever the helper runs, and reads the events that answer it.
package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Client asks the helper, wherever it runs.
type Client struct {
	Runner remote.Runner
	// Progress, where it is set, is called for each progress event.
	Progress func(protocol.Progress)
	// HelloTimeout is how long the helper may take to be reached and begin,
	// HelloTimeout where it is 0. It has to be longer where a person is asked on
	// the way.
	HelloTimeout time.Duration
}

// List returns what is imported on the bootstrap node.
func (c *Client) List(ctx context.Context, req protocol.ListRequest) (*protocol.NodeState, error) {
	return ask[protocol.NodeState](ctx, c, protocol.Request{List: &req})
}

// Check tells what is in archives, and wrong with them.
func (c *Client) Check(ctx context.Context, req protocol.CheckRequest) (*protocol.CheckResult, error) {
	return ask[protocol.CheckResult](ctx, c, protocol.Request{Check: &req})
}

// Import lists archives in the node's configuration.
func (c *Client) Import(ctx context.Context, req protocol.ImportRequest) (*protocol.ChangeResult, error) {
	return ask[protocol.ChangeResult](ctx, c, protocol.Request{Import: &req})
}

// Unimport removes archives from the node's configuration.
func (c *Client) Unimport(ctx context.Context, req protocol.UnimportRequest) (*protocol.ChangeResult, error) {
	return ask[protocol.ChangeResult](ctx, c, protocol.Request{Unimport: &req})
}

// Sync makes the node match its configuration.
func (c *Client) Sync(ctx context.Context, req protocol.SyncRequest) (*protocol.ChangeResult, error) {
	return ask[protocol.ChangeResult](ctx, c, protocol.Request{Sync: &req})
}

// Activate sets the active version of a Solution.
func (c *Client) Activate(ctx context.Context, req protocol.ActivateRequest) (*protocol.ChangeResult, error) {
	return ask[protocol.ChangeResult](ctx, c, protocol.Request{Activate: &req})
}

// Deactivate leaves a Solution without an active version.
func (c *Client) Deactivate(ctx context.Context, req protocol.DeactivateRequest) (*protocol.ChangeResult, error) {
	return ask[protocol.ChangeResult](ctx, c, protocol.Request{Deactivate: &req})
}

// Read returns files of archives, all that were asked for and in that order.
func (c *Client) Read(ctx context.Context, req protocol.ReadRequest) (*protocol.ReadResult, error) {
	result, err := ask[protocol.ReadResult](ctx, c, protocol.Request{Read: &req})
	if err == nil && !answers(req, result) {
		return nil, fmt.Errorf("bootstrap node (%s): the helper answered with other files than were asked for", c.Runner)
	}
	return result, err
}

// answers reports whether a result has the files of a request.
func answers(req protocol.ReadRequest, result *protocol.ReadResult) bool {
	return slices.EqualFunc(req.Archives, result.Archives, func(wanted protocol.ReadArchive, got protocol.ReadFiles) bool {
		return wanted.Archive == got.Archive &&
			slices.EqualFunc(wanted.Paths, got.Files, func(path string, f protocol.File) bool { return path == f.Path })
	})
}

// Configuration returns the helper's own configuration.
func (c *Client) Configuration(ctx context.Context) (*config.Configuration, error) {
	return ask[config.Configuration](ctx, c, protocol.Request{Configuration: &protocol.ConfigurationRequest{}})
}

// Status tells how the helper and its registry are.
func (c *Client) Status(ctx context.Context) (*protocol.Status, error) {
	return ask[protocol.Status](ctx, c, protocol.Request{Status: &protocol.StatusRequest{}})
}

// RemoteError is an error that the helper reports.
type RemoteError struct {
	protocol.Failure
}

func (e *RemoteError) Error() string { return e.Message }

// Hint returns what the helper advises, "" for nothing.
func (e *RemoteError) Hint() string { return e.Failure.Hint }
