// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/bootstrap"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/registry"
)

const serveHelp = `Serve the images of imported archives, as a read-only registry over plain HTTP,
until the command is interrupted; pulls under way then have 30 seconds to finish.

It listens where registry.listen of the configuration says, by default on port
5000 of all addresses. Archives are read in place. What is imported or removed
while it runs is seen within a second.

/healthz says that the process answers, /readyz whether every archive of
solutions.yaml is served, and which are not. The log is on standard error.`

func newServeCommand(config *string) *cobra.Command {
	accessLog := false
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the images of imported archives",
		Long:  serveHelp,
		Example: `  # Serve images, and log every request
  solution-bootstrap serve --access-log`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := bootstrap.LoadConfiguration(*config)
			if err != nil {
				return err
			}
			server := registry.Server{
				Listen:    c.Registry.Listen,
				File:      c.SolutionsFile(),
				Checked:   c.VerifiedFolder(),
				Log:       slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
				AccessLog: accessLog,
			}
			return server.Run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&accessLog, "access-log", false, "Log every request.")
	return cmd
}
