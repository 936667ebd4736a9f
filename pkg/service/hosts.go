// SPDX-License-Identifier: Apache-2.0

package service

import (
	"net"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/containerd"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

// hosts returns an example of what a node's containerd needs to pull from here,
// or why there is none.
func hosts(c config.Configuration) string {
	server := containerd.Server{URL: c.Registry.Scheme() + "://" + hostOf(c)}
	if c.Registry.Scheme() == "https" {
		server.CA = "ca.crt" // beside the file
	}
	_, text, err := containerd.Hosts{Endpoint: c.Registry.Endpoint, Servers: []containerd.Server{server}}.File(containerd.DefaultConfigPath)
	if err != nil {
		return "# " + err.Error() + "\n"
	}
	return "# An example, for every node:\n" + text
}

// hostOf returns where the registry is. The default endpoint is a name that
// leads nowhere: containerd is told what it stands for.
func hostOf(c config.Configuration) string {
	namespace, _, _ := strings.Cut(c.Registry.Endpoint, "/")
	if namespace != v1alpha1.DefaultRegistryEndpoint {
		return namespace
	}
	host, port, _ := net.SplitHostPort(c.Registry.Listen[0])
	if host == "" {
		host = "address-of-the-bootstrap-node"
	}
	return net.JoinHostPort(host, port)
}
