// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Client asks the helper, wherever it runs.
type Client struct {
	Runner remote.Runner
	// Progress, where it is set, is called for each progress event.
	Progress func(Progress)
	// HelloTimeout is how long the helper may take to be reached and begin,
	// HelloTimeout where it is 0. It has to be longer where a person is asked on
	// the way.
	HelloTimeout time.Duration
}

// List returns what is imported on the bootstrap node.
func (c *Client) List(ctx context.Context, req ListRequest) (*NodeState, error) {
	return ask[NodeState](ctx, c, Request{List: &req})
}

// Check tells what is in archives, and wrong with them.
func (c *Client) Check(ctx context.Context, req CheckRequest) (*CheckResult, error) {
	return ask[CheckResult](ctx, c, Request{Check: &req})
}

// Import lists archives in the node's configuration.
func (c *Client) Import(ctx context.Context, req ImportRequest) (*ChangeResult, error) {
	return ask[ChangeResult](ctx, c, Request{Import: &req})
}

// Unimport removes archives from the node's configuration.
func (c *Client) Unimport(ctx context.Context, req UnimportRequest) (*ChangeResult, error) {
	return ask[ChangeResult](ctx, c, Request{Unimport: &req})
}

// Sync makes the node match its configuration.
func (c *Client) Sync(ctx context.Context, req SyncRequest) (*ChangeResult, error) {
	return ask[ChangeResult](ctx, c, Request{Sync: &req})
}

// Activate sets the active version of a Solution.
func (c *Client) Activate(ctx context.Context, req ActivateRequest) (*ChangeResult, error) {
	return ask[ChangeResult](ctx, c, Request{Activate: &req})
}

// Deactivate leaves a Solution without an active version.
func (c *Client) Deactivate(ctx context.Context, req DeactivateRequest) (*ChangeResult, error) {
	return ask[ChangeResult](ctx, c, Request{Deactivate: &req})
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
