// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/bootstrap"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
)

const configHelp = `Print the configuration in effect as YAML: what the file says, and the default
of everything that it does not say.`

func newConfigCommand(config *string) *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the configuration in effect, defaults included",
		Long:    configHelp,
		Example: "  solution-bootstrap config",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := bootstrap.LoadConfiguration(*config)
			if err != nil {
				return err
			}
			text, err := yaml.Marshal(c)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
