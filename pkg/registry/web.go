// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// endpoints are the listeners of a Server.
type endpoints struct{ registry, metrics []net.Listener }

// open opens the listeners that are not open already.
func (s *Server) open(ctx context.Context) (e endpoints, err error) {
	e = endpoints{registry: s.Sockets, metrics: s.MetricsSockets}
	if len(e.registry) > 0 {
		s.Log.Info("sockets of systemd are used in the place of registry.listen", "sockets", len(e.registry))
	} else {
		if e.registry, err = listen(ctx, "registry.listen", s.Listen); err != nil {
			return e, err
		}
	}
	if len(e.metrics) == 0 {
		if e.metrics, err = listen(ctx, "metrics.listen", s.Metrics); err != nil {
			return e, errors.Join(err, closeAll(e.registry))
		}
	}
	return e, nil
}

// web is a HTTP server and where it listens.
type web struct {
	*http.Server
	what      string // for the log
	listeners []net.Listener
	accepting sync.WaitGroup
}

// servers returns that of the registry, and that of the metrics if there is to
// be one.
func (s *Server) servers(f *follower, e endpoints) []*web {
	bounded := newConnections(s.bounds().connections, s.Log)
	if len(e.metrics) > 0 {
		s.metrics = newMetrics()
		s.metrics.registry.MustRegister(&collector{s, f, bounded})
	}
	registry := &web{Server: s.httpServer(s.handler(f)), what: "listening"}
	registry.ConnState = bounded.changed
	for _, l := range e.registry {
		if l = bounded.bound(l); s.access.certificate != nil {
			l = tls.NewListener(l, s.access.config())
		}
		registry.listeners = append(registry.listeners, l)
	}
	list := []*web{registry}
	if s.metrics != nil {
		metrics := &web{Server: s.httpServer(s.metrics.handler(s.Log)), what: "listening for metrics", listeners: e.metrics}
		metrics.WriteTimeout = s.bounds().stall
		list = append(list, metrics)
	}
	return list
}

func (s *Server) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: s.bounds().header,
		IdleTimeout:       s.bounds().idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
}

// start has the server answer. What ends it early is the cause of cancel.
func (w *web) start(log *slog.Logger, cancel context.CancelCauseFunc) {
	for _, l := range w.listeners {
		log.Info(w.what, "address", l.Addr().String())
		w.accepting.Go(func() {
			if err := w.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				cancel(err)
			}
		})
	}
}

// end takes no more connections, and waits until the requests of those that
// there are have ended, or ctx has.
func (w *web) end(ctx context.Context) error {
	if err := w.Shutdown(ctx); err != nil {
		return err
	}
	// A connection that was accepted a moment ago may be known only now.
	w.accepting.Wait()
	return w.Shutdown(ctx)
}

// drain ends the servers, in this order, when their requests have ended, or
// after a time.
func (s *Server) drain(ctx context.Context, servers []*web) {
	timeout := s.bounds().drain
	s.Log.Info("ending", "drain", timeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, w := range servers {
		if err := w.end(ctx); err != nil {
			s.Log.Warn("requests are cut off", "error", err)
			_ = w.Close() // its errors are those of connections that end now
		}
		w.accepting.Wait()
	}
}
