// SPDX-License-Identifier: Apache-2.0

// Package remote reaches the helper of a bootstrap node, solution-bootstrap,
// where it is. A Runner starts the helper's agent there and connects its
// standard streams; callers do not know whether that is a child process on this
// machine, as now, or one behind ssh or in a pod.
//
// Nothing that a user or the cluster says is put on the agent's command line:
// requests go to its standard input.
package remote

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Runner runs the helper's agent somewhere and connects its standard streams.
type Runner interface {
	// Run starts `solution-bootstrap agent`, gives it stdin, and copies its
	// stdout to stdout until it ends. Its error, if any, is a *RunError. A nil
	// stdin is empty, and a nil stdout discards.
	//
	// The agent is ended, by SIGTERM first, when ctx ends, when stdout returns
	// an error and when stdin returns one that is not io.EOF. Run does not wait
	// for a call of stdin.Read that has not returned when the agent ends; that
	// call's data is lost.
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error
	// String is the address, as --bootstrap takes it ("local").
	String() string
}

// forms lists the addresses there are, for errors.
const forms = `"local", for this machine, or "local:/path/to/solution-bootstrap"`

// Parse returns the Runner of an address as --bootstrap takes it: "local", or
// "local:" and the absolute path of the helper's program.
func Parse(address string) (Runner, error) {
	scheme, rest, hasRest := strings.Cut(address, ":")
	switch {
	case scheme == "ssh" && strings.HasPrefix(rest, "//"), scheme == "pod" && strings.HasPrefix(rest, "//"):
		return nil, fmt.Errorf("bootstrap address %q: this version does not reach a helper by %s; it takes %s: run the command on the bootstrap node", address, scheme, forms)
	case address == "local":
		return Local{}, nil
	case scheme == "local" && hasRest && filepath.IsAbs(rest):
		return Local{Program: rest}, nil
	case scheme == "local":
		return nil, fmt.Errorf("bootstrap address %q: the program's path must be absolute; it takes %s", address, forms)
	}
	return nil, fmt.Errorf("bootstrap address %q is not one; it takes %s", address, forms)
}
