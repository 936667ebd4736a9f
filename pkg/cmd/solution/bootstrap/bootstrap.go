// SPDX-License-Identifier: Apache-2.0

// Package bootstrap is `kubectl solution bootstrap`: the bootstrap node's helper
// and registry, how they are, and how they get there.
package bootstrap

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

var longHelp = templates.LongDesc(`
	See to the bootstrap node, the machine with the archives: to the helper there,
	the registry that serves their images, and the nodes that pull from it.`)

var examples = templates.Examples(`
	# Install helper and registry on a machine
	kubectl solution bootstrap install --bootstrap ssh://root@node-1

	# Is everything as it should be?
	kubectl solution bootstrap status

	# What each node's containerd needs to pull from there
	kubectl solution bootstrap hosts-toml > hosts.toml`)

// NewCommand returns the group of commands, of this version.
func NewCommand(streams genericiooptions.IOStreams, conn *util.Connection, version string) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use:     "bootstrap",
		Short:   "See to the bootstrap node and its registry",
		Long:    longHelp,
		Example: examples,
	})
	cmd.AddCommand(newStatusCommand(streams, conn), newHostsTOMLCommand(streams, conn),
		newInstallCommand(streams, conn), newUpgradeCommand(streams, conn), newUninstallCommand(streams, conn),
		newPodCommand(streams, version), newImageCommand(streams, version))
	return cmd
}

// facts are what is known of the bootstrap node, and what the cluster records
// of it. Either may be out of reach.
type facts struct {
	// address is where the helper was looked for, "" where that is not known.
	address    string
	node       *protocol.Status // nil with nodeErr
	nodeErr    error
	catalog    *cluster.Catalog // nil with catalogErr
	catalogErr error
}

// gather asks the cluster and the helper. That one of them cannot be
// reached is a fact, and no error.
func gather(ctx context.Context, streams genericiooptions.IOStreams, conn *util.Connection) *facts {
	status := util.NewStatus(streams.ErrOut)
	defer status.Clear()
	f := &facts{}
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
