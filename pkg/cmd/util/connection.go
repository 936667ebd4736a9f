// SPDX-License-Identifier: Apache-2.0

package util

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Connection is how a command reaches the cluster and the bootstrap node.
type Connection struct {
	Flags     *genericclioptions.ConfigFlags
	bootstrap string
}

// NewConnection returns a Connection with kubectl's own flags.
func NewConnection() *Connection {
	return &Connection{Flags: genericclioptions.NewConfigFlags(true)}
}

// AddFlags adds kubectl's connection flags.
func (c *Connection) AddFlags(flags *pflag.FlagSet) { c.Flags.AddFlags(flags) }

// AddBootstrapFlag adds --bootstrap.
func (c *Connection) AddBootstrapFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.bootstrap, "bootstrap", "",
		"Where solution-bootstrap runs: local, local:PROGRAM, ssh://[USER@]HOST[:PORT] or pod://[NAMESPACE/]NAME-OR-SELECTOR[#CONTAINER]; "+
			"local+sudo and ssh+sudo:// are with sudo. The default is $"+BootstrapEnvironment+", then what the cluster records, then local.")
}

// Cluster connects to the API server.
func (c *Connection) Cluster() (*action.Cluster, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	mapper, err := c.Flags.ToRESTMapper()
	if err != nil {
		return nil, ClusterError(err)
	}
	cl, err := cluster.NewClient(config, mapper)
	if err != nil {
		return nil, ClusterError(err)
	}
	raw := rest.CopyConfig(config)
	raw.QPS = -1
	raw.GroupVersion, raw.NegotiatedSerializer = &schema.GroupVersion{}, resource.UnstructuredPlusDefaultContentConfig().NegotiatedSerializer
	restClient, err := rest.UnversionedRESTClientFor(raw)
	if err != nil {
		return nil, ClusterError(err)
	}
	return action.NewCluster(cl, restClient), nil
}

func (c *Connection) restConfig() (*rest.Config, error) {
	if err := c.configured(); err != nil {
		return nil, err
	}
	// What client-go logs of a server that does not answer, its errors say too.
	klog.SetLogger(logr.Discard())
	config, err := c.Flags.ToRESTConfig()
	return config, ClusterError(err)
}

// configured refuses to ask the server on localhost that kubectl assumes where
// no cluster is configured at all.
func (c *Connection) configured() error {
	raw, err := c.Flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	inCluster := os.Getenv("KUBERNETES_SERVICE_HOST") != ""
	if len(raw.Clusters) == 0 && *c.Flags.APIServer == "" && !inCluster {
		return hint.With(errors.New("no cluster is configured"), "set $KUBECONFIG, or give --kubeconfig or --server")
	}
	return nil
}

// Namespace returns the value of --namespace, "" where it is not given: the
// one of the kubeconfig's context does not count.
func (c *Connection) Namespace() string { return *c.Flags.Namespace }

// ClusterError adds a hint to errors of a connection.
func ClusterError(err error) error { return cluster.Explain(err) }
