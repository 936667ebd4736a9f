// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
	"github.com/metalk8s/kubectl-solution/pkg/systemd"
)

const serveHelp = `Serve the images of imported archives, as a read-only registry, until the command
is interrupted; pulls under way then have 30 seconds to finish.

It listens where registry.listen of the configuration says, by default on port
5000 of all addresses, over plain HTTP unless registry.tls has a certificate.
Archives are read in place. What is imported or removed while it runs is seen
within a second, and so are other certificates and passwords.

/healthz says that the process answers, /readyz whether every archive of
solutions.yaml is served, and which are and are not. Metrics for Prometheus are
where metrics.listen says. The log is on standard error.

Sockets that systemd passes are used in the place of registry.listen, and those
with the name metrics in the place of metrics.listen.`

// metricsSocket is the name of systemd's sockets that are for metrics.
const metricsSocket = "metrics"

func newServeCommand(configPath *string) *cobra.Command {
	accessLog := false
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the images of imported archives",
		Long:  serveHelp,
		Example: `  # Serve images, and log every request
  solution-bootstrap serve --access-log`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(*configPath)
			if err != nil {
				return err
			}
			sockets, err := systemd.Sockets()
			if err != nil {
				return err
			}
			server := newServer(c, sockets)
			server.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			server.AccessLog = accessLog || c.Registry.AccessLog
			return supervised(cmd.Context(), server)
		},
	}
	cmd.Flags().BoolVar(&accessLog, "access-log", false, "Log every request, as registry.accessLog of the configuration does.")
	return cmd
}

// newServer returns a server as it is configured, on sockets of these names
// where there are any.
func newServer(c config.Configuration, sockets map[string][]net.Listener) *registry.Server {
	server := &registry.Server{
		Listen:         c.Registry.Listen,
		TLS:            registry.TLSFiles(c.Registry.TLS),
		HTPasswd:       c.Registry.HTPasswd,
		Metrics:        c.Metrics.Listen,
		MetricsSockets: sockets[metricsSocket],
		File:           c.SolutionsFile(),
		Checked:        c.VerifiedFolder(),
	}
	for name, list := range sockets {
		if name != metricsSocket {
			server.Sockets = append(server.Sockets, list...)
		}
	}
	return server
}

// supervised runs a server, and tells systemd how it does.
func supervised(ctx context.Context, server *registry.Server) error {
	// The end is told too, when ctx has ended already.
	telling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	tell := func(err error) {
		if err != nil {
			server.Log.Warn("systemd does not know how the service does", "error", err)
		}
	}
	server.Ready = func() { tell(systemd.Notify(telling, systemd.Ready)) }
	go func() { tell(systemd.Watchdog(telling)) }()
	told := make(chan struct{})
	ending := context.AfterFunc(ctx, func() {
		defer close(told)
		tell(systemd.Notify(telling, systemd.Stopping))
	})
	err := server.Run(ctx)
	if !ending() {
		<-told
	}
	return err
}
