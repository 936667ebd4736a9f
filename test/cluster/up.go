// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/logs"
)

// errStdinClosed ends a cluster started with --until-stdin-closes.
var errStdinClosed = errors.New("standard input closed")

// adminKubeconfig is the file whose being there means that the cluster can be used.
func adminKubeconfig(dir string) string { return filepath.Join(dir, "admin.kubeconfig") }

// logFile takes what the components have to say, which is a lot.
func logFile(dir string) string { return filepath.Join(dir, "devcluster.log") }

// up runs a control plane until a signal, the end of stdin if asked for, or a component's failure; only the last is an
// error. It prints a line a step to stderr. DIR/admin.kubeconfig is there exactly while the cluster can be used (a
// process that is killed cannot take it away, but the next up does before it starts anything).
func up(args []string, stdin io.Reader, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	lock, err := lockDir(o.dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := removeIfThere(adminKubeconfig(o.dir)); err != nil {
		return err
	}
	log, err := divertLog(o.dir)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()

	c := &cluster{options: o, parts: newComponents(), steps: newSteps(stderr), ended: make(chan error, 3)}
	ctx, stop := context.WithCancelCause(c.parts.ctx)
	defer stop(nil)
	if o.untilStdin {
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			stop(errStdinClosed)
		}()
	}
	err = errors.Join(c.run(ctx), removeIfThere(adminKubeconfig(o.dir)))
	if ctx.Err() != nil {
		return nil // what fails while being stopped was stopped
	}
	return fmt.Errorf("%w (the components' log is %s)", err, logFile(o.dir))
}

// cluster is a control plane on its way up.
type cluster struct {
	*options
	pki   *pki
	parts *components
	steps *steps
	ended chan error
}

// run starts one part after the other and stays until one ends or ctx does.
func (c *cluster) run(ctx context.Context) error {
	if err := c.prepare(); err != nil {
		return err
	}
	etcd, err := startEtcd(ctx, c.options)
	if err != nil {
		return err
	}
	defer c.steps.done("stopped")
	defer stopEtcd(etcd)
	c.steps.done("etcd ready on 127.0.0.1:%d", c.ports.Etcd)
	if err := c.startComponents(ctx); err != nil {
		return err
	}
	if err := c.announce(); err != nil {
		return err
	}
	return c.stay(ctx, etcd)
}

// prepare makes the files that the components read.
func (c *cluster) prepare() (err error) {
	if err := c.choosePorts(); err != nil {
		return err
	}
	if c.pki, err = openPKI(c.dir); err != nil {
		return err
	}
	if err := c.pki.issue(c.options); err != nil {
		return err
	}
	if err := c.writeAuditPolicy(); err != nil {
		return err
	}
	c.steps.done("certificates issued in %s", c.pki.dir)
	return nil
}

// startComponents returns when the API server is ready, the scheduler set up, and the controller manager has made the
// service account without which no pod can be created in the namespace default.
func (c *cluster) startComponents(ctx context.Context) error {
	logs.InitLogs()
	ready, err := newProbe(c.options, c.pki, c.ended)
	if err != nil {
		return err
	}
	start(ctx, c.parts.apiServer, apiServerFlags(c.options, c.pki), c.ended)
	if err := ready.wait(ctx, "/readyz"); err != nil {
		return err
	}
	c.steps.done("API server ready on %s", c.serverURL())
	start(ctx, c.parts.controllers, controllerFlags(c.options, c.pki), c.ended)
	start(ctx, c.parts.scheduler, schedulerFlags(c.options, c.pki), c.ended)
	select {
	case <-c.parts.scheduling:
	case err := <-c.ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.steps.done("scheduler running")
	if err := ready.wait(ctx, "/api/v1/namespaces/default/serviceaccounts/default"); err != nil {
		return err
	}
	c.steps.done("controller manager running")
	return nil
}

// announce puts the kubeconfig where those who wait look for it.
func (c *cluster) announce() error {
	b, err := os.ReadFile(c.pki.file("admin.kubeconfig"))
	if err != nil {
		return err
	}
	if err := writeFile(adminKubeconfig(c.dir), b); err != nil {
		return err
	}
	c.steps.done("ready: export KUBECONFIG=%s", adminKubeconfig(c.dir))
	return nil
}

// stay keeps the control plane up. The API server's orderly shutdown, some nine seconds, is not waited for: whatever it
// has acknowledged is in etcd.
func (c *cluster) stay(ctx context.Context, etcd *embed.Etcd) error {
	defer logs.FlushLogs()
	select {
	case err := <-c.ended:
		return err
	case err := <-etcd.Err():
		return fmt.Errorf("etcd: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// divertLog has everything that goes to standard error by way of os.Stderr go to the log file instead. A panic still
// shows: the runtime writes to the descriptor.
func divertLog(dir string) (*os.File, error) {
	f, err := os.Create(logFile(dir))
	if err != nil {
		return nil, fmt.Errorf("making the log: %w", err)
	}
	os.Stderr = f
	return f, nil
}

func removeIfThere(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// steps prints what was done and how long after the start.
type steps struct {
	w     io.Writer
	start time.Time
}

func newSteps(w io.Writer) *steps { return &steps{w, time.Now()} }

func (s *steps) done(format string, args ...any) {
	_, _ = fmt.Fprintf(s.w, "%6.2fs %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...))
}
