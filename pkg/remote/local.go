// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// program is the helper's name.
const program = "solution-bootstrap"

// Local runs the helper as a child process.
type Local struct {
	// Program is the path of the helper. By default it is the
	// solution-bootstrap on the PATH, else that beside this program.
	Program string
	// Args follow "agent" on the command line. Only the code that makes a Local
	// may set them, never what comes from a user or a cluster.
	Args []string
	// Sudo has sudo run the helper as root, which must not take a password.
	Sudo bool
	// Grace is how long the agent has after SIGTERM, and its output after the
	// agent has ended, DefaultGrace by default. Then it is killed.
	Grace time.Duration
}

var _ Runner = Local{}

// String returns the address: "local", and the program where one is set.
func (l Local) String() string {
	address := "local"
	if l.Sudo {
		address += sudoSuffix
	}
	if l.Program != "" {
		address += ":" + l.Program
	}
	return address
}

// Run runs the helper's agent as a child process, which inherits the
// environment. See Runner.
func (l Local) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	path, err := l.find()
	if err != nil {
		return &RunError{Command: Quote(l.words(program)...), Reason: NotFound, Err: err, Advice: localAdvice}
	}
	p := process{words: l.words(path), grace: l.Grace}
	if l.Sudo {
		p.env = plainEnvironment()
	}
	failed := p.run(ctx, stdin, stdout)
	if failed == nil {
		return nil
	}
	e := &RunError{Command: Quote(p.words...), Stderr: failed.stderr, Reason: failed.reason, Err: failed.err}
	if e.Reason == NotFound {
		e.Advice = localAdvice
	}
	if l.Sudo {
		diagnoseSudo(e, *failed, "this machine")
	}
	return e
}

const localAdvice = "run this on the bootstrap node, with solution-bootstrap installed on the PATH or beside this program; " +
	"or say where the helper is, with --bootstrap ssh://HOST"

// words returns the command line.
func (l Local) words(path string) []string {
	words := append([]string{path, "agent"}, l.Args...)
	if l.Sudo {
		words = append(sudoWords(), words...)
	}
	return words
}

// find returns the path of the helper.
func (l Local) find() (string, error) {
	if l.Program != "" {
		return exec.LookPath(l.Program)
	}
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	if self, selfErr := os.Executable(); selfErr == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), program)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// plainEnvironment is this process's, with messages in the language in which
// they are looked for.
func plainEnvironment() []string { return append(os.Environ(), "LC_ALL=C") }
