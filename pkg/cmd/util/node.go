// SPDX-License-Identifier: Apache-2.0

package util

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/podexec"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// BootstrapEnvironment is the variable that says where the helper is, where
// --bootstrap is not given.
const BootstrapEnvironment = "KUBECTL_SOLUTION_BOOTSTRAP"

// askTimeout is how long a person has to answer ssh.
const askTimeout = 5 * time.Minute

// Bootstrap returns the way to the helper. The cluster, where there is one, may
// tell where it is.
func (c *Connection) Bootstrap(ctx context.Context, from *action.Cluster, status *Status) (*action.Node, error) {
	recorded := ""
	if from != nil {
		var err error
		// Who says where the helper is does not need the cluster for that.
		if recorded, err = from.BootstrapAddress(ctx); err != nil && c.address() == "" {
			return nil, ClusterError(fmt.Errorf("looking up where the bootstrap node is: %w", err))
		}
	}
	given := c.address()
	if given == "" && recorded != "" {
		runner, err := c.recordedRunner(recorded)
		if err != nil {
			return nil, err
		}
		if !remote.IsLocal(runner) {
			status.Note("bootstrap node: %s, as the cluster records; --bootstrap names another", runner)
		}
		return newNode(runner, recorded, status), nil
	}
	if given == "" {
		given = "local"
	}
	runner, err := c.runner(given)
	if err != nil {
		return nil, err
	}
	// What was typed is for others to use as well, as far as they may; that
	// somebody is at the node itself is of no use to them.
	if !remote.IsLocal(runner) && trusted(runner) == nil {
		recorded = runner.String()
	}
	node := newNode(runner, recorded, status)
	if interactive, asks := remote.Interactive(runner); asks && status.IsTerminal() {
		node.Runner, node.HelloTimeout = interactive, askTimeout
	}
	return node, nil
}

func newNode(runner remote.Runner, record string, status *Status) *action.Node {
	return &action.Node{Client: &client.Client{Runner: runner, Progress: status.Progress}, Record: record}
}

// address returns where the user says that the helper is, "" for nowhere.
func (c *Connection) address() string {
	if c.bootstrap != "" {
		return c.bootstrap
	}
	return os.Getenv(BootstrapEnvironment)
}

// IsRemote says that the user named a bootstrap node that is not this machine.
func (c *Connection) IsRemote() bool {
	address := c.address()
	return address != "" && !strings.HasPrefix(address, "local")
}

// NamedBootstrap returns the way to the helper, and to a shell, on the node that
// the user names. What the cluster records is of no account here: nobody else is
// to say where something is installed.
func (c *Connection) NamedBootstrap(ctx context.Context, status *Status) (*action.Node, remote.Shell, error) {
	address := c.address()
	if address == "" {
		return nil, nil, hint.With(errors.New("on which machine is not said"),
			"--bootstrap ssh://root@HOST names the bootstrap node, and --bootstrap local this machine (or $%s)", BootstrapEnvironment)
	}
	if strings.HasPrefix(address, remote.PodScheme) {
		return nil, nil, hint.With(fmt.Errorf("bootstrap address %q: a helper in a pod comes with its image, and nothing is installed into it", address),
			"docs/remote.md has how the helper runs as a pod; --bootstrap ssh://root@HOST names the node itself")
	}
	node, err := c.Bootstrap(ctx, nil, status)
	if err != nil {
		return nil, nil, err
	}
	shell, err := remote.NewShell(node.Runner)
	if err != nil {
		return nil, nil, err
	}
	if node.Runner, err = remote.Installed(node.Runner); err != nil {
		return nil, nil, err
	}
	return node, shell, nil
}

// runner returns the way to an address.
func (c *Connection) runner(address string) (remote.Runner, error) {
	if !strings.HasPrefix(address, remote.PodScheme) {
		return remote.Parse(address)
	}
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	return podexec.Parse(address, config)
}

// recordedRunner returns the way to an address that the cluster records. Who
// may write it there is not who uses it here: it must lead to no program of
// this machine, and to no host that ssh does not know.
func (c *Connection) recordedRunner(address string) (remote.Runner, error) {
	runner, err := c.runner(address)
	if err == nil {
		err = trusted(runner)
	}
	if err != nil {
		return nil, hint.With(fmt.Errorf("namespace %s records in annotation %s where the bootstrap node is, which is not used: %w",
			v1alpha1.Namespace, v1alpha1.BootstrapAnnotation, err), "say where it is: --bootstrap ADDRESS, or $%s", BootstrapEnvironment)
	}
	return remote.Strict(runner), nil
}

// trusted returns an error for a way that one takes only where one has named it
// oneself.
func trusted(runner remote.Runner) error {
	return remote.Trusted(runner, v1alpha1.Namespace, "kube-system")
}
