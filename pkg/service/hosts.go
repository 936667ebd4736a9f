// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"net"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/bootstrap"
)

// hosts returns an example of what a node's containerd needs to pull from here.
func hosts(c bootstrap.Configuration) string {
	namespace, _, _ := strings.Cut(c.Registry.Endpoint, "/")
	server := c.Registry.Scheme() + "://" + hostOf(c, namespace)
	text := fmt.Sprintf("# An example: on every node, /etc/containerd/certs.d/%s/hosts.toml\n\nserver = %q\n[host.%[2]q]\n  capabilities = [\"pull\", \"resolve\"]\n", namespace, server)
	if c.Registry.Scheme() == "https" {
		text += "  # The authority of the registry's certificate, on the node.\n  ca = \"/etc/containerd/certs.d/" + namespace + "/ca.crt\"\n"
	}
	return text
}

// hostOf returns where the registry is. The default endpoint is a name that
// leads nowhere: containerd is told what it stands for.
func hostOf(c bootstrap.Configuration, namespace string) string {
	if namespace != v1alpha1.DefaultRegistryEndpoint {
		return namespace
	}
	host, port, _ := net.SplitHostPort(c.Registry.Listen[0])
	if host == "" {
		host = "ADDRESS-OF-THE-BOOTSTRAP-NODE"
	}
	return net.JoinHostPort(host, port)
}
