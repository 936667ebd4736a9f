// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/containerd"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

var hostsTOMLHelp = templates.LongDesc(`
	Print the file that each node's containerd needs to pull the images of imported
	archives. Its first line is where it belongs on the nodes. docs/nodes.md tells
	how to roll it out.

	The endpoint is that of the helper's configuration; where the helper cannot be
	reached, that which the cluster records. By default the file names the registry
	under that endpoint, or, where no DNS knows the endpoint, under the addresses in
	registry.listen that are not loopback ones.`)

var hostsTOMLExamples = templates.Examples(`
	kubectl solution bootstrap hosts-toml > hosts.toml

	# The same archives are imported on two machines: containerd asks one after
	# the other
	kubectl solution bootstrap hosts-toml --registry http://192.168.1.10:5000 --registry http://192.168.1.11:5000

	# A registry with a certificate of the company's own authority
	kubectl solution bootstrap hosts-toml --registry https://node-1.example.com:5000 --ca /etc/ssl/certs/company.pem`)

type hostsTOMLOptions struct {
	conn       *util.Connection
	registries []string
	ca         string
	configPath string
}

func newHostsTOMLCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	o := &hostsTOMLOptions{conn: conn}
	cmd := &cobra.Command{
		Use:     "hosts-toml",
		Short:   "Print what each node's containerd needs to pull from the registry",
		Long:    hostsTOMLHelp,
		Example: hostsTOMLExamples,
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), streams)
		},
	}
	cmd.Flags().StringArrayVar(&o.registries, "registry", nil, "A registry with the images, http(s)://host[:port]; several are asked in this order.")
	cmd.Flags().StringVar(&o.ca, "ca", "", "The path, on the nodes, of the certificates that those of https registries are checked against.")
	cmd.Flags().StringVar(&o.configPath, "config-path", containerd.DefaultConfigPath, "The config_path of containerd's configuration.")
	return cmd
}

func (o *hostsTOMLOptions) run(ctx context.Context, streams genericiooptions.IOStreams) error {
	endpoint, configuration, err := o.lookUp(ctx, streams)
	if err != nil {
		return err
	}
	urls := o.registries
	if len(urls) == 0 {
		if configuration == nil {
			return hint.With(errors.New("where the registry is, and whether it has TLS, is not known without the helper"), "name it: %s", adviseRegistry)
		}
		if urls, err = registryURLs(configuration.Registry); err != nil {
			return err
		}
	}
	servers, err := o.servers(urls)
	if err != nil {
		return err
	}
	_, text, err := containerd.Hosts{Endpoint: endpoint, Servers: servers}.File(o.configPath)
	if err != nil {
		return err
	}
	_, err = io.WriteString(streams.Out, text)
	return err
}

// lookUp returns the endpoint, and the helper's configuration where that
// can be reached.
func (o *hostsTOMLOptions) lookUp(ctx context.Context, streams genericiooptions.IOStreams) (string, *config.Configuration, error) {
	status := util.NewStatus(streams.ErrOut)
	defer status.Clear()
	cl, clusterErr := o.conn.Cluster()
	if clusterErr != nil {
		cl = nil
	}
	node, err := o.conn.Bootstrap(ctx, cl, status)
	if err == nil {
		var configuration *config.Configuration
		if configuration, err = node.Configuration(ctx); err == nil {
			return configuration.Registry.Endpoint, configuration, nil
		}
	}
	if ctx.Err() != nil || cl == nil {
		return "", nil, cmp.Or(ctx.Err(), err)
	}
	catalog, catalogErr := cl.Catalog(ctx)
	if catalogErr != nil || catalog.Endpoint == "" {
		return "", nil, err
	}
	status.Clear()
	cli.Warn(streams.ErrOut, "the endpoint is that which the cluster records: %v", err)
	return catalog.Endpoint, nil, nil
}

// servers gives the CA to those that can have one.
func (o *hostsTOMLOptions) servers(urls []string) ([]containerd.Server, error) {
	var servers []containerd.Server
	used := o.ca == ""
	for _, u := range urls {
		s := containerd.Server{URL: u}
		if strings.HasPrefix(u, "https:") {
			s.CA, used = o.ca, true
		}
		servers = append(servers, s)
	}
	if !used {
		return nil, fmt.Errorf("--ca is for registries with https, and there is none: %s", strings.Join(urls, ", "))
	}
	return servers, nil
}

const adviseRegistry = "kubectl solution bootstrap hosts-toml --registry http://ADDRESS:5000"

// registryURLs returns where nodes reach the registry of a configuration.
func registryURLs(c config.Registry) ([]string, error) {
	host, path, _ := strings.Cut(c.Endpoint, "/")
	if path != "" {
		return nil, hint.With(fmt.Errorf("the endpoint %s has a path, and solution-bootstrap serve has none", c.Endpoint),
			"name the registry that has it: %s", adviseRegistry)
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host // without a port
	}
	if !strings.HasSuffix(name, ".invalid") {
		return []string{c.Scheme() + "://" + host}, nil
	}
	var urls []string
	for _, address := range c.Listen {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("registry.listen: %w", err)
		}
		ip := net.ParseIP(host)
		if host == "" || host == "localhost" || port == "0" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
			continue
		}
		urls = append(urls, c.Scheme()+"://"+address)
	}
	if len(urls) == 0 {
		return nil, hint.With(fmt.Errorf("no DNS knows the endpoint %s, and registry.listen names no address that nodes could reach: %s", c.Endpoint, strings.Join(c.Listen, ", ")),
			"name the registry's address: %s", adviseRegistry)
	}
	return urls, nil
}
