// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
)

const waitHelp = `Do nothing until the command is interrupted. It keeps a container running, in
which the plugins run solution-bootstrap agent: the image has no other program.`

func newWaitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "wait",
		Short:   "Do nothing until interrupted",
		Long:    waitHelp,
		Example: "  solution-bootstrap wait",
		Hidden:  true,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			<-cmd.Context().Done()
			return nil
		},
	}
}
