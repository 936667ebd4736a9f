// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// Bounds of a connection. There is none for a whole answer: a large layer over
// a slow link takes its time.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	// stallTimeout is how long a client may take for one piece of an answer, of
	// copyBytes at most: one that takes less than 2 KiB/s is cut off.
	stallTimeout = time.Minute
	// bodyTimeout is how long is waited for a body, which no request here has.
	bodyTimeout = 5 * time.Second
	// drainTimeout is how long pulls under way may go on after the end.
	drainTimeout = 30 * time.Second
)

// gcPercent is low, since the registry shares its node: what it keeps is indexes
// without pointers, which cost a collection nothing.
const gcPercent = 25

// Server serves the archives that a SolutionsConfiguration lists, over HTTP.
type Server struct {
	// Listen are the addresses to listen on, host:port or :port.
	Listen []string
	// File lists the archives; it is followed while the server runs.
	File solutionsconfig.File
	// Checked has the archives whose digests were checked, and in what state:
	// others are checked before they are served.
	Checked verified.Folder
	// Log is told of archives that come, go and fail.
	Log *slog.Logger
	// AccessLog has it told of every request as well.
	AccessLog bool
}

// Run serves until ctx ends, and then lets the requests under way finish, for
// half a minute at most. It returns an error where it cannot listen, or cannot
// go on.
func (s *Server) Run(ctx context.Context) error {
	listeners, err := listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	f := &follower{file: s.File, set: NewSet(s.Log), log: s.Log}
	f.set.RequireChecked(s.Checked)
	defer f.set.Close()
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	// Clients that connect already wait until this is done.
	f.step()
	web := &http.Server{
		Handler:           s.handler(f),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { f.follow(ctx) })
	for _, l := range listeners {
		s.Log.Info("listening", "address", l.Addr().String())
		tasks.Go(func() {
			if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				cancel(err)
			}
		})
	}
	<-ctx.Done()
	err = context.Cause(ctx)
	cancel(nil)
	s.drain(context.WithoutCancel(ctx), web)
	tasks.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("serving: %w", err)
}

// drain ends the server when its requests have ended, or when drainTimeout has.
func (s *Server) drain(ctx context.Context, web *http.Server) {
	s.Log.Info("ending", "drain", drainTimeout)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		s.Log.Warn("requests are cut off", "error", err)
		_ = web.Close() // its errors are those of connections that end now
	}
}

func listen(ctx context.Context, addresses []string) ([]net.Listener, error) {
	var list []net.Listener
	for _, address := range addresses {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			for _, other := range list {
				err = errors.Join(err, other.Close())
			}
			return nil, hint.With(fmt.Errorf("listening on %s: %w", address, err),
				"registry.listen in the helper's configuration says where to listen")
		}
		list = append(list, l)
	}
	return list, nil
}

// handler routes requests, and bounds and logs them.
func (s *Server) handler(f *follower) http.Handler {
	v2 := NewHandler(f.set)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		controller := http.NewResponseController(w)
		if r.ContentLength != 0 {
			// An error means that w is no connection, but a test.
			_ = controller.SetReadDeadline(time.Now().Add(bodyTimeout))
			w.Header().Set("Connection", "close")
		}
		b := &boundedWriter{ResponseWriter: w, controller: controller, status: http.StatusOK}
		if s.AccessLog {
			start := time.Now()
			defer func() { s.logAccess(r, b, time.Since(start)) }()
		}
		switch path := r.URL.Path; {
		case path == "/healthz":
			serveHealth(b, r)
		case path == "/readyz":
			serveReady(b, r, f)
		case path == "/v2" || strings.HasPrefix(path, "/v2/"):
			v2.ServeHTTP(b, r)
		default:
			writeError(b, errNoSuchPath)
		}
	})
}
