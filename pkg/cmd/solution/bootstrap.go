// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

var bootstrapHelp = templates.LongDesc(`
	See to the bootstrap node, the machine with the archives: to the helper there,
	the registry that serves their images, and the nodes that pull from it.`)

var bootstrapExamples = templates.Examples(`
	# Install helper and registry on a machine
	kubectl solution bootstrap install --bootstrap ssh://root@node-1

	# Is everything as it should be?
	kubectl solution bootstrap status

	# What each node's containerd needs to pull from there
	kubectl solution bootstrap hosts-toml > hosts.toml`)

func newBootstrapCommand(streams genericiooptions.IOStreams, conn *util.Connection, version string) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use:     "bootstrap",
		Short:   "See to the bootstrap node and its registry",
		Long:    bootstrapHelp,
		Example: bootstrapExamples,
	})
	cmd.AddCommand(newStatusCommand(streams, conn), newHostsTOMLCommand(streams, conn),
		newInstallCommand(streams, conn), newUpgradeCommand(streams, conn), newUninstallCommand(streams, conn),
		newPodCommand(streams, version), newImageCommand(streams, version))
	return cmd
}

// bootstrapFacts is what is known of the bootstrap node, and what the cluster
// records of it. Either may be out of reach.
type bootstrapFacts struct {
	// address is where the helper was looked for, "" where that is not known.
	address    string
	node       *protocol.Status // nil with nodeErr
	nodeErr    error
	catalog    *cluster.Catalog // nil with catalogErr
	catalogErr error
}

// gatherBootstrap asks the cluster and the helper. That one of them cannot be
// reached is a fact, and no error.
func gatherBootstrap(ctx context.Context, streams genericiooptions.IOStreams, conn *util.Connection) *bootstrapFacts {
	status := util.NewStatus(streams.ErrOut)
	defer status.Clear()
	f := &bootstrapFacts{}
	cl, err := conn.Cluster()
	if err == nil {
		f.catalog, err = cl.Catalog(ctx)
	}
	if err != nil {
		f.catalogErr = util.ClusterError(err)
		cl = nil
	}
	node, err := conn.Bootstrap(ctx, cl, status)
	if err != nil {
		f.nodeErr = err
		return f
	}
	f.address = node.Runner.String()
	f.node, f.nodeErr = node.Status(ctx)
	return f
}
