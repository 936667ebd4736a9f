// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is the helper's name.
const program = "solution-bootstrap"

// DefaultGrace is how long an agent has to end by itself.
const DefaultGrace = 5 * time.Second

// Local runs the helper as a child process.
type Local struct {
	// Program is the path of the helper. By default it is the
	// solution-bootstrap on the PATH, else that beside this program.
	Program string
	// Args follow "agent" on the command line. Only the code that makes a Local
	// may set them, never what comes from a user or a cluster.
	Args []string
	// Grace is how long the agent has after SIGTERM, and its output after the
	// agent has ended, DefaultGrace by default. Then it is killed.
	Grace time.Duration
}

var _ Runner = Local{}

// String returns the address: "local", and the program where one is set.
func (l Local) String() string {
	if l.Program != "" {
		return "local:" + l.Program
	}
	return "local"
}

// Run runs the helper's agent as a child process, which inherits the
// environment. See Runner.
func (l Local) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	if stdout == nil {
		stdout = io.Discard
	}
	path, err := l.find()
	if err != nil {
		return &RunError{Command: quote(l.words(program)), Reason: NotFound, Err: err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	words, stderr := l.words(path), &tail{}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.WaitDelay = cmp.Or(l.Grace, DefaultGrace)
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.Stderr = stderr
	cmd.Stdout = writerFunc(func(p []byte) (int, error) {
		n, err := stdout.Write(p)
		if err != nil {
			cancel(fmt.Errorf("writing its output: %w", err))
		}
		return n, err
	})
	err = run(cmd, stdin, cancel)
	if err == nil {
		return nil
	}
	return &RunError{Command: quote(words), Stderr: stderr.String(), Reason: reason(ctx, err), Err: cause(ctx, err)}
}

// words returns the command line.
func (l Local) words(path string) []string { return append([]string{path, "agent"}, l.Args...) }

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

// run starts the command and feeds it until it ends. exec.Cmd would wait for
// its Stdin, which may never return; this leaves that behind.
func run(cmd *exec.Cmd, stdin io.Reader, cancel context.CancelCauseFunc) error {
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, pipe.Close())
	}
	go func() {
		// An agent need not read all: that writing to it fails is no error.
		_, _ = io.Copy(pipe, readerFunc(func(p []byte) (int, error) {
			n, err := stdin.Read(p)
			if err != nil && !errors.Is(err, io.EOF) {
				cancel(fmt.Errorf("reading its input: %w", err))
			}
			return n, err
		}))
		_ = pipe.Close() // twice, if the agent ended first
	}()
	return cmd.Wait()
}

// terminate asks a process to end, or ends it where a system has no SIGTERM.
func terminate(process *os.Process) error {
	err := process.Signal(syscall.SIGTERM)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return process.Kill()
}

func reason(ctx context.Context, err error) Reason {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Canceled
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		return Killed
	case errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay):
		return Exit
	}
	return NotFound
}

// cause returns why a run failed: what canceled it, or else err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
