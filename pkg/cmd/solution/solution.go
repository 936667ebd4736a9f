// SPDX-License-Identifier: Apache-2.0

// Package solution is `kubectl solution`: the archives of Solutions and their
// versions, on the bootstrap node and in the cluster.
package solution

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution/bootstrap"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

var longHelp = templates.LongDesc(`
	Bring packaged applications to a Kubernetes cluster that has no internet.

	A Solution is an application in one ISO image: its container images, an
	Operator, perhaps a UI. Import an archive on the bootstrap node, activate a
	version of it, and deploy it into Environments with kubectl environment.`)

var examples = templates.Examples(`
	# See what is in an archive, and whether it is whole
	kubectl solution inspect example-solution-1.0.0.iso
	kubectl solution check example-solution-1.0.0.iso

	# Make it available to the cluster, and its newest version the active one
	kubectl solution import /solutions/example-solution-1.0.0.iso
	kubectl solution activate example-solution

	# See what is imported, and where it runs
	kubectl solution get`)

// NewCommand returns the command tree, of this version.
func NewCommand(streams genericiooptions.IOStreams, version string) *cobra.Command {
	conn := util.NewConnection()
	cmd := cli.Group(&cobra.Command{
		Use:         "kubectl-solution",
		Short:       "Import, activate and check Solution archives",
		Long:        longHelp,
		Example:     examples,
		Version:     version,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl solution"},
	})
	cmd.SetIn(streams.In)
	cmd.SetOut(streams.Out)
	cmd.SetErr(streams.ErrOut)
	conn.AddFlags(cmd.PersistentFlags())
	conn.AddBootstrapFlag(cmd)
	cmd.AddCommand(
		newImportCommand(streams, conn),
		newUnimportCommand(streams, conn),
		newActivateCommand(streams, conn),
		newDeactivateCommand(streams, conn),
		newSyncCommand(streams, conn),
		newGetCommand(streams, conn),
		newInspectCommand(streams, conn),
		newCheckCommand(streams, conn),
		bootstrap.NewCommand(streams, conn, version),
	)
	return cmd
}
