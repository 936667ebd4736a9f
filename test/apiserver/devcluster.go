// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNone means that there is nothing to start an API server from.
var ErrNone = errors.New("no API server to test against")

const (
	pollInterval = 20 * time.Millisecond
	// stopTimeout is for devcluster, which needs a fraction of a second, to end on a loaded machine.
	stopTimeout = 20 * time.Second
	// logTail is how many bytes of the components' log an error shows.
	logTail = 4096
)

// devcluster is a running bin/devcluster.
type devcluster struct {
	dir    string
	stdin  io.Closer
	stderr bytes.Buffer // to be read after ended only
	kill   context.CancelFunc
	ended  chan struct{} // closed after err is set
	err    error
}

// startDevcluster starts bin/devcluster on free ports in a temporary folder.
func startDevcluster(ctx context.Context, o options) (*Server, error) {
	binary, err := findDevcluster()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "apiserver-")
	if err != nil {
		return nil, fmt.Errorf("making the API server's folder: %w", err)
	}
	d := &devcluster{dir: dir, ended: make(chan struct{})}
	s := &Server{
		Kubeconfig:     filepath.Join(dir, "cluster", "admin.kubeconfig"),
		HasControllers: true,
		Kubectl:        filepath.Join(dir, "kubectl"),
		stop: func() error {
			if err := d.stop(); err != nil {
				return fmt.Errorf("devcluster: %w; it said:\n%s", err, &d.stderr)
			}
			return nil
		},
	}
	if err := os.Symlink(binary, s.Kubectl); err != nil {
		return nil, errors.Join(fmt.Errorf("making kubectl: %w", err), os.RemoveAll(dir))
	}
	var flags []string
	if o.auditLog {
		s.auditLog, s.auditReads = filepath.Join(dir, "audit.log"), o.auditReads
		flags = append(flags, "--audit-log="+s.auditLog, fmt.Sprintf("--audit-reads=%t", o.auditReads))
	}
	if err := d.start(ctx, binary, flags...); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", binary, err), os.RemoveAll(dir))
	}
	if err := d.wait(ctx, s.Kubeconfig); err != nil {
		log := tail(filepath.Join(dir, "cluster", "devcluster.log"))
		err = errors.Join(err, d.stop())
		return nil, fmt.Errorf("starting %s: %w; it said:\n%s\nIts log ends with:\n%s", binary, err, &d.stderr, log)
	}
	return s, nil
}

// start runs the binary. It ends when its standard input does, and so with this process however that ends.
func (d *devcluster) start(ctx context.Context, binary string, flags ...string) error {
	ctx, d.kill = context.WithCancel(context.WithoutCancel(ctx))
	flags = append([]string{"up", "--dir", filepath.Join(d.dir, "cluster"), "--port=0", "--etcd-port=0", "--until-stdin-closes"}, flags...)
	cmd := exec.CommandContext(ctx, binary, flags...)
	cmd.Stderr = &d.stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		d.kill()
		return err
	}
	d.stdin = stdin
	go func() {
		defer close(d.ended)
		d.err = cmd.Wait()
	}()
	return nil
}

// wait returns when the kubeconfig is there, which means that the cluster can be used.
func (d *devcluster) wait(ctx context.Context, kubeconfig string) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if _, err := os.Stat(kubeconfig); err == nil {
			return nil
		}
		select {
		case <-d.ended:
			return errors.New("it ended before it was ready")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// stop ends it, by force if it must be, and removes the folder.
func (d *devcluster) stop() error {
	defer d.kill()
	_ = d.stdin.Close() // closed already if it has ended on its own
	select {
	case <-d.ended:
	case <-time.After(stopTimeout):
		d.kill()
		<-d.ended
	}
	return errors.Join(d.err, os.RemoveAll(d.dir))
}

// tail is the end of a log, for an error: the folder that the log is in is about to go.
func tail(name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		return []byte(err.Error())
	}
	return b[max(0, len(b)-logTail):]
}

// findDevcluster finds bin/devcluster at the root of the checkout that the working directory, which for a test is its
// package's folder, belongs to.
func findDevcluster() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the checkout: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("finding the checkout: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("%w: no go.mod above the working directory", ErrNone)
		}
		dir = parent
	}
	binary := filepath.Join(dir, "bin", "devcluster")
	if !executable(binary) {
		return "", fmt.Errorf("%w: there is no %s", ErrNone, binary)
	}
	return binary, nil
}
