// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
)

// options is the command line of up, checked and complete but for the ports, which choosePorts fills in.
type options struct {
	dir         string
	ports       ports
	portGiven   bool
	etcdGiven   bool
	bind        net.IP
	advertise   net.IP // nil: the API server finds the address of the default route
	podCIDR     string
	serviceCIDR *net.IPNet
	fsync       bool
	verbosity   int
	untilStdin  bool
	auditLog    string // "": none
	auditReads  bool
}

// nowhere is advertised as the API server's address where nothing but this machine can reach it. The API server refuses
// loopback addresses there, and would not start without a default route; 192.0.2.0/24 is reserved by RFC 5737 for
// examples and so is nobody's.
func nowhere() net.IP { return net.IPv4(192, 0, 2, 1) }

// parseOptions reads up's flags. A wrong value is a usageError that names its flag.
func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var bind, advertise, serviceCIDR string
	fs := flag.NewFlagSet("devcluster up", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.dir, "dir", "", "`folder` that holds everything: certificates, etcd's data, log, admin.kubeconfig. Started again on it, the cluster is as it was")
	fs.IntVar(&o.ports.API, "port", 6443, "the API server's port; 0: a free one. Not given: the one the folder had before")
	fs.IntVar(&o.ports.Etcd, "etcd-port", 2379, "etcd's port on 127.0.0.1; 0: a free one. Not given: the one the folder had before")
	fs.StringVar(&bind, "bind", "127.0.0.1", "the API server's `address`")
	fs.StringVar(&advertise, "advertise", "", "`address`, not loopback, under which pods reach the API server (default --bind; for 0.0.0.0 the default route's)")
	fs.StringVar(&o.podCIDR, "pod-cidr", "10.244.0.0/16", "pod `network`; each node gets a /24 of it")
	fs.StringVar(&serviceCIDR, "service-cidr", "10.96.0.0/16", "service `network`; its .1 is kubernetes.default")
	fs.BoolVar(&o.fsync, "fsync", false, "let etcd wait for the disk: survives a crash of the machine, not only of this process")
	fs.IntVar(&o.verbosity, "v", 0, "the components' log verbosity")
	fs.BoolVar(&o.untilStdin, "until-stdin-closes", false, "end when standard input does: a parent that dies takes the cluster with it")
	fs.StringVar(&o.auditLog, "audit-log", "", "`file` to which the API server appends what is written, and by whom, as its audit events in JSON")
	fs.BoolVar(&o.auditReads, "audit-reads", false, "have every other request in the audit log, too")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, exitStatus(0)
		}
		return nil, exitStatus(2) // the flag package has printed the error and the flags
	}
	if fs.NArg() > 0 {
		return nil, &usageError{fmt.Sprintf("up takes no arguments, got %q", fs.Args())}
	}
	fs.Visit(func(f *flag.Flag) {
		o.portGiven = o.portGiven || f.Name == "port"
		o.etcdGiven = o.etcdGiven || f.Name == "etcd-port"
	})
	return o, o.complete(bind, advertise, serviceCIDR)
}

// complete checks what the flag package cannot.
func (o *options) complete(bind, advertise, serviceCIDR string) error {
	if o.dir == "" {
		return &usageError{"up needs --dir, the folder to keep the cluster in"}
	}
	var err error
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return fmt.Errorf("finding --dir: %w", err)
	}
	if err := o.completeAudit(); err != nil {
		return err
	}
	for name, port := range map[string]int{"--port": o.ports.API, "--etcd-port": o.ports.Etcd} {
		if port < 0 || port > 65535 {
			return &usageError{fmt.Sprintf("%s %d is no port, which are 0 to 65535", name, port)}
		}
	}
	if o.bind = net.ParseIP(bind); o.bind == nil {
		return &usageError{fmt.Sprintf("--bind %q is no IP address", bind)}
	}
	if o.advertise, err = advertised(advertise, o.bind); err != nil {
		return err
	}
	if _, _, err := net.ParseCIDR(o.podCIDR); err != nil {
		return &usageError{fmt.Sprintf("--pod-cidr %q is no network", o.podCIDR)}
	}
	_, o.serviceCIDR, err = net.ParseCIDR(serviceCIDR)
	if err != nil || o.serviceCIDR.IP.To4() == nil {
		return &usageError{fmt.Sprintf("--service-cidr %q is no IPv4 network", serviceCIDR)}
	}
	return nil
}

func (o *options) completeAudit() error {
	if o.auditLog == "" {
		if o.auditReads {
			return &usageError{"--audit-reads needs --audit-log, the file to write them to"}
		}
		return nil
	}
	var err error
	if o.auditLog, err = filepath.Abs(o.auditLog); err != nil {
		return fmt.Errorf("finding --audit-log: %w", err)
	}
	return nil
}

// advertised is the address to advertise; nil leaves it to the API server.
func advertised(given string, bind net.IP) (net.IP, error) {
	switch ip := net.ParseIP(given); {
	case given != "" && (ip == nil || ip.IsLoopback() || ip.IsUnspecified()):
		return nil, &usageError{fmt.Sprintf("--advertise %q is no IP address that pods could reach", given)}
	case given != "":
		return ip, nil
	case bind.IsUnspecified():
		return nil, nil
	case bind.IsLoopback():
		return nowhere(), nil
	default:
		return bind, nil
	}
}

// dialHost is the address under which this machine reaches the API server.
func (o *options) dialHost() string {
	if o.bind.IsUnspecified() {
		return "127.0.0.1"
	}
	return o.bind.String()
}

// serverURL is the API server's address for kubeconfigs.
func (o *options) serverURL() string {
	return "https://" + net.JoinHostPort(o.dialHost(), fmt.Sprint(o.ports.API))
}

// firstServiceIP is the address the Service kubernetes.default gets.
func (o *options) firstServiceIP() net.IP {
	ip := append(net.IP{}, o.serviceCIDR.IP.To4()...)
	ip[3]++
	return ip
}
