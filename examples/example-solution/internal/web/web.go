// SPDX-License-Identifier: Apache-2.0

// Package web runs the HTTP servers of the example Solution.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// Linger is how long a pod goes on answering once it is told to end: the
	// nodes learn only then that its Services are to leave it out.
	Linger = 3 * time.Second
	// shutdownGrace is how long running requests may take after that. Together
	// it is well below the 30 s that Kubernetes gives a pod.
	shutdownGrace = 10 * time.Second
)

// Serve answers on addr ("host:port") with handler until ctx is done, and for
// linger after that, then lets the running requests finish. It returns nil after
// such an end, and an error where addr cannot be listened on.
func Serve(ctx context.Context, addr string, handler http.Handler, linger time.Duration, log *slog.Logger) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	log.Info("listening", "address", l.Addr().String())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", addr, err)
	case <-ctx.Done():
	}
	log.Info("stopping", "address", l.Addr().String(), "linger", linger)
	time.Sleep(linger)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stopping the server on %s: %w", addr, err)
	}
	return nil
}
