// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

const configHelp = `Print the configuration in effect as YAML: what the file says, and the default
of everything that it does not say.`

func newConfigCommand(configPath *string) *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the configuration in effect, defaults included",
		Long:    configHelp,
		Example: "  solution-bootstrap config",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(*configPath)
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
