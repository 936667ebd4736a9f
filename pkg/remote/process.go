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
	"strings"
	"syscall"
	"time"
)

// DefaultGrace is how long an agent has to end by itself.
const DefaultGrace = 5 * time.Second

// stderrGrace is how long what a process has said is read after it has ended:
// a process that it has left behind, as an older ssh's shared connection, may
// keep its standard error open.
const stderrGrace = time.Second

// process is a child process that is the agent, or that reaches it.
type process struct {
	words []string
	// env is that of this process where it is nil.
	env   []string
	grace time.Duration
}

// ended is how a process failed.
type ended struct {
	err    error
	reason Reason
	stderr string
	// status is the exit status, -1 where there is none.
	status int
	// answered says that it had written to its standard output.
	answered bool
}

// run runs the process as Runner.Run does, and returns nil where that
// succeeded.
func (p process) run(ctx context.Context, stdin io.Reader, stdout io.Writer) *ended {
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	if stdout == nil {
		stdout = io.Discard
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answered := false
	cmd := exec.CommandContext(ctx, p.words[0], p.words[1:]...)
	cmd.Env = p.env
	cmd.WaitDelay = cmp.Or(p.grace, DefaultGrace)
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.Stdout = writerFunc(func(b []byte) (int, error) {
		answered = true
		n, err := stdout.Write(b)
		if err != nil {
			cancel(fmt.Errorf("writing its output: %w", err))
		}
		return n, err
	})
	stderr, err := feed(cmd, stdin, cancel)
	if err == nil {
		return nil
	}
	return &ended{err: cause(ctx, err), reason: reason(ctx, err), stderr: stderr, status: cmd.ProcessState.ExitCode(), answered: answered}
}

// feed starts the command and feeds it until it ends. exec.Cmd would wait for
// its Stdin, which may never return; this leaves that behind. It returns the
// end of what the command wrote to its standard error.
func feed(cmd *exec.Cmd, stdin io.Reader, cancel context.CancelCauseFunc) (string, error) {
	wait, err := tailStderr(cmd)
	if err != nil {
		return "", err
	}
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return wait(), err
	}
	go func() {
		// An agent need not read all: that writing to it fails is no error.
		_, _ = io.Copy(pipe, readerFunc(func(b []byte) (int, error) {
			n, err := stdin.Read(b)
			if err != nil && !errors.Is(err, io.EOF) {
				cancel(fmt.Errorf("reading its input: %w", err))
			}
			return n, err
		}))
		_ = pipe.Close() // twice, if the agent ended first
	}()
	err = cmd.Wait()
	return wait(), err
}

// tailStderr keeps the end of what a command will write to its standard error.
// The function that it returns is called once the command has ended.
func tailStderr(cmd *exec.Cmd) (func() string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = w
	kept, done := &Tail{}, make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(kept, r) // ends when all have closed the other end, or this one is
	}()
	return func() string {
		_ = w.Close()
		select {
		case <-done:
		case <-time.After(stderrGrace):
		}
		_ = r.Close()
		<-done
		return kept.String()
	}, nil
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
