// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

const agentHelp = `Answer one request: JSON on standard input, events as JSON lines on standard
output. The plugins call this; docs/protocol.md describes it.

It takes no notice of SSH_ORIGINAL_COMMAND, so that it can be the command of a
key in authorized_keys. When nobody reads its output any more, it ends.`

func newAgentCommand(configPath *string, version string) *cobra.Command {
	return &cobra.Command{
		Use:     "agent",
		Short:   "Answer one request on standard input",
		Long:    agentHelp,
		Example: `  echo '{"protocol":1,"list":{}}' | solution-bootstrap agent`,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A client that is gone ends the work, and not the process at once.
			signal.Ignore(syscall.SIGPIPE)
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			a := &agent.Agent{Version: version}
			a.ConfigurationPath, _ = config.Find(*configPath)
			var err error
			if a.Configuration, err = config.Load(*configPath); err != nil {
				return a.Refuse(cmd.OutOrStdout(), err)
			}
			a.Mounts = newMounts(a.Configuration)
			return a.Serve(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
