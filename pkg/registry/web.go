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
	"time"
)

// drainInterval is how often is looked whether all connections have ended.
const drainInterval = 20 * time.Millisecond

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
	what        string // for the log
	connections *connections
	listeners   []net.Listener
	fronts      []*front // of listeners
	accepting   sync.WaitGroup
}

func (s *Server) newWeb(what string, handler http.Handler, connections *connections, listeners []net.Listener) *web {
	w := &web{what: what, connections: connections, Server: s.httpServer(handler)}
	w.ConnState = connections.changed
	for _, l := range listeners {
		w.listeners = append(w.listeners, connections.bound(l))
	}
	return w
}

// servers returns that of the registry, and that of the metrics if there is to
// be one.
func (s *Server) servers(f *follower, e endpoints) []*web {
	registry := newConnections(s.bounds().connections, s.Log)
	if len(e.metrics) > 0 {
		s.metrics = newMetrics()
		s.metrics.registry.MustRegister(&collector{s, f, registry})
	}
	v2 := NewHandler(f.set)
	list := []*web{s.newWeb("listening", s.handler(f, v2), registry, e.registry)}
	switch {
	case s.access.certificate != nil:
		for i, l := range list[0].listeners {
			list[0].listeners[i] = tls.NewListener(l, s.access.config())
		}
	case s.answersPlain():
		list[0].addFronts(s, s.answerPlain(v2))
	}
	if s.metrics != nil {
		metrics := s.newWeb("listening for metrics", s.metrics.handler(s.Log), newConnections(maxScrapers, s.Log), e.metrics)
		metrics.WriteTimeout = s.bounds().stall
		list = append(list, metrics)
	}
	return list
}

// addFronts puts a front before each listener.
func (w *web) addFronts(s *Server, answer plainAnswer) {
	for i, l := range w.listeners {
		f := newFront(l, w.connections, s.bounds(), answer, s.Log)
		w.fronts, w.listeners[i] = append(w.fronts, f), f
	}
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
		w.accepting.Go(func() { cancel(w.Serve(l)) })
	}
}

// end takes no more connections, and waits until the requests of those that
// there are have ended, or ctx has.
func (w *web) end(ctx context.Context) error {
	err := closeAll(w.listeners)
	// Shutdown would break off connections whose first request is on its way.
	ticker := time.NewTicker(drainInterval)
	defer ticker.Stop()
	for w.connections.any() && ctx.Err() == nil {
		// This closes those that are idle, each time.
		w.SetKeepAlivesEnabled(false)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	w.finish()
	w.accepting.Wait()
	return errors.Join(err, w.Shutdown(ctx))
}

// finish ends what the fronts have.
func (w *web) finish() {
	for _, f := range w.fronts {
		f.finish()
	}
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
	}
}
