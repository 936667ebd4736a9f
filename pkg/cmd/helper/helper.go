// SPDX-License-Identifier: Apache-2.0

// Package helper is the command line of solution-bootstrap, the helper on
// the bootstrap node.
package helper

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

const longHelp = `The helper of kubectl solution on the bootstrap node: it reads and checks
archives, keeps the list of those that are imported, and serves their images.

It has no access to the cluster. Its configuration is /etc/metalk8s/solution-bootstrap.yaml.`

const examples = `  # See what the helper is configured to do
  solution-bootstrap config

  # Ask it what is imported, as the plugins do
  echo '{"protocol":1,"list":{}}' | solution-bootstrap agent`

// NewCommand returns the command tree, of this version.
func NewCommand(in io.Reader, out, errOut io.Writer, version string) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use:     "solution-bootstrap",
		Short:   "The helper of kubectl solution on the bootstrap node",
		Long:    longHelp,
		Example: examples,
		Version: version,
	})
	cmd.SetIn(in)
	cmd.SetOut(out)
	cmd.SetErr(errOut)
	configPath := cmd.PersistentFlags().String("config", "",
		"The helper's configuration. The default is $"+config.EnvironmentVariable+", then "+config.DefaultPath+".")
	cmd.AddCommand(newAgentCommand(configPath, version), newConfigCommand(configPath), newServeCommand(configPath), newNginxCommand(configPath),
		newInstallCommand(configPath), newUninstallCommand(configPath), newWaitCommand())
	return cmd
}
