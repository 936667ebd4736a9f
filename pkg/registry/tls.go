// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// TLSFiles are the PEM files of a server that answers over TLS. They are read
// again when they change.
type TLSFiles struct {
	// Certificate and Key are the server's.
	Certificate, Key string
	// ClientCAs are the authorities of clients who may read the registry; "" for
	// no client certificates.
	ClientCAs string
}

// identification is how the server and its clients identify themselves; both
// are nil over plain HTTP.
type identification struct {
	certificate *watched[tls.Certificate]
	clients     *watched[authorities]
}

func identify(files TLSFiles, log *slog.Logger) (i identification, err error) {
	if i.certificate, err = watch(log, "certificate", parsePair, files.Certificate, files.Key); err != nil {
		return i, err
	}
	i.clients, err = watch(log, "client CAs", parseAuthorities, files.ClientCAs)
	return i, err
}

func parsePair(contents [][]byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	return &pair, err
}

// config returns the configuration for a listener. HTTP/2 is left out: a pull
// has few requests and large blobs, which net/http sends in frames of 16 KiB, at
// half the speed (BenchmarkTLS), and over one connection in which a slow blob
// holds up the others.
func (i identification) config() *tls.Config {
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.certificate.get(), nil },
	}
	if i.clients == nil {
		return config
	}
	// Given, not required: who has none may still have a password, or ask only
	// whether the server is well.
	config.ClientAuth = tls.VerifyClientCertIfGiven
	perConnection := config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := perConnection.Clone()
		c.ClientCAs = i.clients.get().pool
		return c, nil
	}
	return config
}

// knows tells whether a connection has a client certificate of an authority
// that is trusted now: its handshake may be long ago.
func (i identification) knows(connection *tls.ConnectionState, now time.Time) bool {
	authorities := i.clients.get()
	if authorities == nil || connection == nil {
		return false
	}
	return slices.ContainsFunc(connection.VerifiedChains, func(chain []*x509.Certificate) bool {
		return authorities.roots[string(chain[len(chain)-1].Raw)] &&
			!slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return now.Before(c.NotBefore) || now.After(c.NotAfter) })
	})
}

// problems are those of the files, and a certificate that is not valid now.
func (i identification) problems(now time.Time) []Problem {
	var list []Problem
	if p := i.certificate.problem(); p != nil {
		list = append(list, *p)
	}
	if c := i.certificate.get(); c != nil {
		if err := validity(c.Leaf, now); err != nil {
			list = append(list, Problem{i.certificate.paths[0], err.Error()})
		}
	}
	if p := i.clients.problem(); p != nil {
		list = append(list, *p)
	}
	return list
}

func validity(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return fmt.Errorf("the certificate is valid only from %s on", c.NotBefore.Format(time.RFC3339))
	case now.After(c.NotAfter):
		return fmt.Errorf("the certificate has expired on %s", c.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// authorities sign certificates of clients.
type authorities struct {
	pool  *x509.CertPool
	roots map[string]bool // by the certificate's bytes
}

// parseAuthorities reads PEM. Unlike x509.CertPool, it does not skip what it
// cannot read.
func parseAuthorities(contents [][]byte) (*authorities, error) {
	a := &authorities{pool: x509.NewCertPool(), roots: map[string]bool{}}
	for rest := bytes.TrimSpace(contents[0]); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("it is not PEM all the way")
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it has a %s, and certificates only belong there", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		a.pool.AddCert(c)
		a.roots[string(c.Raw)] = true
	}
	if len(a.roots) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return a, nil
}
