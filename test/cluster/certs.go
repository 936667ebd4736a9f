// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// authority is a certificate authority with its key.
type authority struct {
	crt *x509.Certificate
	key crypto.Signer
	pem []byte
}

// createAuthority writes base.crt and base.key, self-signed and good for ten years.
func createAuthority(base, cn string) error {
	t, err := template(cn, nil, 10)
	if err != nil {
		return err
	}
	t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageKeyEncipherment
	t.IsCA, t.BasicConstraintsValid = true, true
	crt, key, err := sign(t, nil)
	if err != nil {
		return fmt.Errorf("making the authority %s: %w", cn, err)
	}
	return errors.Join(writeFile(base+".crt", crt), writeFile(base+".key", key))
}

// readAuthority reads what createAuthority wrote.
func readAuthority(base string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return nil, fmt.Errorf("reading the authority %s: %w", base, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading the authority %s: a %T cannot sign", base, pair.PrivateKey)
	}
	return &authority{pair.Leaf, key, certificatePEM(pair.Leaf.Raw)}, nil
}

// issue makes a key and a certificate, good for five years as client and as server.
func (a *authority) issue(id identity) (crt, key []byte, err error) {
	t, err := template(id.cn, id.groups, 5)
	if err != nil {
		return nil, nil, err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	t.DNSNames, t.IPAddresses = id.dns, id.ips
	return sign(t, a)
}

func template(cn string, groups []string, years int) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cn, Organization: groups},
		NotBefore:    now.Add(-time.Hour), // clocks of nodes differ
		NotAfter:     now.AddDate(years, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

// sign makes a key and has a sign its certificate; nil means that it signs itself.
func sign(t *x509.Certificate, a *authority) (crt, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if a == nil {
		a = &authority{crt: t, key: k}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.crt, k.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(k)
	return certificatePEM(der), key, err
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(k crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// kubeconfig is a file with everything in it, so it can be copied elsewhere.
func kubeconfig(server string, ca []byte, user string, crt, key []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: devcluster
  cluster:
    server: %q
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: devcluster
  context:
    cluster: devcluster
    user: %s
current-context: devcluster
`, server, b64(ca), user, b64(crt), b64(key), user)
}
