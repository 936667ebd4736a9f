// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"

	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// Server serves the archives that a SolutionsConfiguration lists, over HTTP. It
// runs once.
type Server struct {
	// Listen are the addresses to listen on, host:port or :port. Sockets, which
	// are open already, are used in their place if there are any.
	Listen  []string
	Sockets []net.Listener
	// TLS has the server answer over TLS only; the zero value, over plain HTTP.
	TLS TLSFiles
	// HTPasswd is the path of a file with users and their bcrypt hashes, read
	// again when it changes; "" for no passwords.
	HTPasswd string
	// Metrics are where /metrics is answered, and nothing else, over plain HTTP;
	// nowhere if there are none.
	Metrics        []string
	MetricsSockets []net.Listener
	// File lists the archives; it is followed while the server runs.
	File solutionsconfig.File
	// Checked has the archives whose digests were checked, and in what state:
	// others are checked before they are served.
	Checked verified.Folder
	// Log is told of archives that come, go and fail.
	Log *slog.Logger
	// AccessLog has it told of every request as well.
	AccessLog bool
	// Ready is called once the server answers; it can be nil.
	Ready func()

	limits  *limits // nil for defaultLimits
	access  access
	metrics *metrics // nil for none
}

func (s *Server) bounds() limits {
	if s.limits == nil {
		return defaultLimits
	}
	return *s.limits
}

// Run serves until ctx ends, and then lets the requests under way finish, for
// half a minute at most. It returns an error where it cannot listen, cannot read
// the files that it needs, or cannot go on.
func (s *Server) Run(ctx context.Context) error {
	if err := s.access.open(s.TLS, s.HTPasswd, s.Log); err != nil {
		return err
	}
	listeners, err := s.open(ctx)
	if err != nil {
		return err
	}
	f := &follower{file: s.File, set: NewSet(s.Log), log: s.Log}
	f.set.RequireChecked(s.Checked)
	defer f.set.Close()
	if tunesMemory() {
		// To begin with, since many archives may be about to be opened.
		defer debug.SetGCPercent(debug.SetGCPercent(minGCPercent))
	}
	// Clients that connect already wait until this is done.
	f.step()
	ctx, cancel := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { followAll(ctx, f.step) })
	tasks.Go(func() { followAll(ctx, s.access.steps()...) })
	servers := s.servers(f, listeners)
	for _, web := range servers {
		web.start(s.Log, cancel)
	}
	if s.Ready != nil {
		s.Ready()
	}
	<-ctx.Done()
	err = context.Cause(ctx)
	cancel(nil)
	s.drain(context.WithoutCancel(ctx), servers)
	tasks.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("serving: %w", err)
}
