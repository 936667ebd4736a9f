// SPDX-License-Identifier: Apache-2.0

// Package remote reaches the helper of a bootstrap node, solution-bootstrap,
// where it is. A Runner starts the helper's agent there and connects its
// standard streams; callers do not know whether that is a child process on this
// machine, one behind ssh, or one in a pod (package podexec).
//
// Nothing that a user or the cluster says is put on the agent's command line:
// requests go to its standard input. An address names where the helper is, and
// no program, option or variable, except a program of this machine.
package remote

import (
	"context"
	"io"
)

// Runner runs the helper's agent somewhere and connects its standard streams.
type Runner interface {
	// Run starts `solution-bootstrap agent`, gives it stdin, and copies its
	// stdout to stdout until it ends. Its error, if any, is a *RunError. A nil
	// stdin is empty, and a nil stdout discards.
	//
	// The agent is ended when ctx ends, when stdout returns an error and when
	// stdin returns one that is not io.EOF: by SIGTERM first where it is on
	// this machine, and elsewhere by the loss of its client. Run does not wait
	// for a call of stdin.Read that has not returned when the agent ends; that
	// call's data is lost.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error
	// String is the address, as --bootstrap takes it ("local").
	String() string
}
