// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// pki is DIR/pki: the authorities and the service account key, made once, and the certificates and kubeconfigs, issued
// anew at every start because they depend on the ports and addresses.
type pki struct {
	dir   string
	root  *authority // servers and users
	proxy *authority // the API server as a proxy before aggregated API servers
}

// file is the path of one of its files.
func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

// openPKI reads dir/pki, or makes it where there is none.
func openPKI(dir string) (*pki, error) {
	p := &pki{dir: filepath.Join(dir, "pki")}
	_, err := os.Stat(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = createPKI(p.dir)
	}
	if err != nil {
		return nil, err
	}
	if p.root, err = readAuthority(p.file("ca")); err != nil {
		return nil, err
	}
	p.proxy, err = readAuthority(p.file("front-proxy-ca"))
	return p, err
}

// createPKI makes the lasting files beside their place and moves them there together: a process killed in between
// leaves no half of a PKI.
func createPKI(dir string) error {
	tmp := dir + ".tmp"
	if err := errors.Join(os.RemoveAll(tmp), os.MkdirAll(tmp, 0o700)); err != nil {
		return fmt.Errorf("making the PKI's folder: %w", err)
	}
	for name, cn := range map[string]string{"ca": "kubernetes", "front-proxy-ca": "front-proxy-ca"} {
		if err := createAuthority(filepath.Join(tmp, name), cn); err != nil {
			return err
		}
	}
	if err := createServiceAccountKey(filepath.Join(tmp, "sa")); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// createServiceAccountKey makes the pair that service account tokens are signed and checked with.
func createServiceAccountKey(base string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	private, err := keyPEM(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	return errors.Join(
		writeFile(base+".key", private),
		writeFile(base+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
}

// identity is a certificate to be issued at each start: who, to which groups, for which names.
type identity struct {
	name       string // of the files: name.crt, name.key and, for users, name.kubeconfig
	cn         string
	groups     []string
	dns        []string
	ips        []net.IP
	authority  *authority
	kubeconfig bool
}

// identities of a control plane and of one node named node1.
func (p *pki) identities(o *options) []identity {
	host, _ := os.Hostname() // a name more or less in the certificate
	dns := []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local",
	}
	if host != "" {
		dns = append(dns, host)
	}
	ips := []net.IP{net.IPv4(127, 0, 0, 1), o.firstServiceIP(), o.bind}
	if o.advertise != nil {
		ips = append(ips, o.advertise)
	}
	return []identity{
		{"apiserver", "kube-apiserver", nil, dns, ips, p.root, false},
		{"apiserver-kubelet-client", "kube-apiserver-kubelet-client", []string{"system:masters"}, nil, nil, p.root, false},
		{"front-proxy-client", "front-proxy-client", nil, nil, nil, p.proxy, false},
		{"admin", "kubernetes-admin", []string{"system:masters"}, nil, nil, p.root, true},
		{"controller-manager", "system:kube-controller-manager", nil, nil, nil, p.root, true},
		{"scheduler", "system:kube-scheduler", nil, nil, nil, p.root, true},
		{"kube-proxy", "system:kube-proxy", []string{"system:node-proxier"}, nil, nil, p.root, true},
		{"kubelet", "system:node:node1", []string{"system:nodes"}, []string{"node1"}, ips, p.root, true},
	}
}

// issue writes every certificate, key and kubeconfig.
func (p *pki) issue(o *options) error {
	for _, id := range p.identities(o) {
		crt, key, err := id.authority.issue(id)
		if err != nil {
			return fmt.Errorf("issuing %s: %w", id.name, err)
		}
		if err := errors.Join(writeFile(p.file(id.name+".crt"), crt), writeFile(p.file(id.name+".key"), key)); err != nil {
			return err
		}
		if !id.kubeconfig {
			continue
		}
		if err := writeFile(p.file(id.name+".kubeconfig"), kubeconfig(o.serverURL(), p.root.pem, id.name, crt, key)); err != nil {
			return err
		}
	}
	return nil
}
