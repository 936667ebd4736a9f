// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
)

// apiServerFlags: node and RBAC authorization as in a real cluster, so that what a test may do is what a user may do.
func apiServerFlags(o *options, p *pki) []string {
	etcd := loopbackURL(o.ports.Etcd)
	flags := []string{
		verbosity(o),
		"--etcd-servers=" + etcd.String(),
		"--bind-address=" + o.bind.String(),
		"--secure-port=" + strconv.Itoa(o.ports.API),
		"--service-cluster-ip-range=" + o.serviceCIDR.String(),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--client-ca-file=" + p.file("ca.crt"),
		"--tls-cert-file=" + p.file("apiserver.crt"),
		"--tls-private-key-file=" + p.file("apiserver.key"),
		"--kubelet-client-certificate=" + p.file("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + p.file("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--requestheader-client-ca-file=" + p.file("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + p.file("front-proxy-client.crt"),
		"--proxy-client-key-file=" + p.file("front-proxy-client.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.file("sa.pub"),
		"--service-account-signing-key-file=" + p.file("sa.key"),
		"--profiling=false",
	}
	if o.advertise != nil {
		flags = append(flags, "--advertise-address="+o.advertise.String())
	}
	return append(flags, o.auditFlags()...)
}

// controllerFlags raise the request rate: at the default one the first service account takes 5 s instead of 0.5 s.
func controllerFlags(o *options, p *pki) []string {
	return append(clientFlags(o, p.file("controller-manager.kubeconfig")),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+p.file("sa.key"),
		"--root-ca-file="+p.file("ca.crt"),
		"--cluster-signing-cert-file="+p.file("ca.crt"),
		"--cluster-signing-key-file="+p.file("ca.key"),
		"--allocate-node-cidrs=true",
		"--cluster-cidr="+o.podCIDR,
		"--node-cidr-mask-size=24",
		"--service-cluster-ip-range="+o.serviceCIDR.String(),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
}

func schedulerFlags(o *options, p *pki) []string {
	return clientFlags(o, p.file("scheduler.kubeconfig"))
}

// clientFlags are common to the controller manager and the scheduler: no port of their own, and no leader to elect,
// which would cost seconds after a restart.
func clientFlags(o *options, kubeconfig string) []string {
	return []string{
		verbosity(o),
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
	}
}

func verbosity(o *options) string { return fmt.Sprintf("--v=%d", o.verbosity) }
