// SPDX-License-Identifier: Apache-2.0

package service

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
)

// lowPort is the first port that every user may listen on.
const lowPort = 1024

// streams returns addresses as ListenStream= has them (systemd.socket(5)). It
// reports false where one is nothing for systemd: a host's name, a zone, or a
// port that the system is to choose.
func streams(addresses []string) ([]string, bool) {
	var list []string
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil || port == "0" {
			return nil, false
		}
		if host == "" {
			list = append(list, port) // all addresses, of both families
			continue
		}
		if ip, err := netip.ParseAddr(host); err != nil || ip.Zone() != "" {
			return nil, false
		}
		list = append(list, address)
	}
	return list, len(list) > 0
}

// NeedsBind tells whether the registry itself, where systemd does not listen for
// it, or its metrics are on a port that needs a right.
func NeedsBind(c config.Configuration, bySocket bool) bool {
	addresses := slices.Clone(c.Metrics.Listen)
	if !bySocket {
		addresses = append(addresses, c.Registry.Listen...)
	}
	return slices.ContainsFunc(addresses, func(address string) bool {
		_, port, _ := net.SplitHostPort(address)
		n, err := strconv.Atoi(port)
		return err == nil && n > 0 && n < lowPort
	})
}
