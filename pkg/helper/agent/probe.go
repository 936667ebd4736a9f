// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// Bounds of what is asked of the registry: another program may be listening
// where it should.
const (
	probeTimeout        = 3 * time.Second
	maxReadinessBytes   = 4 << 20
	maxProbeHeaderBytes = 64 << 10
)

// probe asks the registry at one address of its configuration how it is.
func probe(ctx context.Context, c config.Registry, address string) protocol.RegistryStatus {
	s := protocol.RegistryStatus{Listen: address}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	readiness, err := readinessAt(ctx, c, address)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Readiness = readiness
	return s
}

// readinessAt tries every address that stands for the configured one.
func readinessAt(ctx context.Context, c config.Registry, address string) (*protocol.Readiness, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if config.AnyPort(address) {
		return nil, errors.New("its port is any that is free, so it cannot be asked")
	}
	client, err := probeClient(c.TLS)
	if err != nil {
		return nil, err
	}
	// Where not everyone may read it, it tells what it serves to those only who
	// ask on the loopback address.
	reserved := c.HTPasswd != "" || c.TLS.ClientCAs != ""
	var first error
	for _, host := range reachable(host) {
		readiness, err := readinessOf(ctx, client, c.Scheme()+"://"+net.JoinHostPort(host, port)+"/readyz", reserved)
		if err == nil {
			return readiness, nil
		}
		first = cmp.Or(first, err)
		var dial *net.OpError
		if !errors.As(err, &dial) || dial.Op != "dial" {
			break
		}
	}
	return nil, first
}

// reachable returns the addresses under which this machine reaches a host that
// it listens on: the loopback ones where that is any.
func reachable(host string) []string {
	ip := net.ParseIP(host)
	switch {
	case host == "":
		return []string{"127.0.0.1", "::1"}
	case ip == nil || !ip.IsUnspecified():
		return []string{host}
	case ip.To4() != nil:
		return []string{"127.0.0.1"}
	}
	return []string{"::1", "127.0.0.1"}
}

// probeClient returns a client that follows nothing, keeps nothing, and goes
// through no proxy.
func probeClient(c config.TLS) (*http.Client, error) {
	transport := &http.Transport{MaxResponseHeaderBytes: maxProbeHeaderBytes, DisableKeepAlives: true}
	if c.Certificate != "" {
		var err error
		if transport.TLSClientConfig, err = trustOnly(c.Certificate); err != nil {
			return nil, err
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// trustOnly returns a configuration that takes the certificate at path from a
// server, whatever address it was reached at, as long as it has not expired,
// and no other.
func trustOnly(path string) (*tls.Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading its certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("reading its certificate: %s holds none", path)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading its certificate %s: %w", path, err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(certificate)
	switch {
	case len(certificate.DNSNames) > 0:
		config.ServerName = strings.Replace(certificate.DNSNames[0], "*", "any", 1)
	case len(certificate.IPAddresses) > 0:
		config.ServerName = certificate.IPAddresses[0].String()
	}
	return config, nil
}

// readinessOf asks one URL. Where it is reserved, the answer need not tell the
// archives.
func readinessOf(ctx context.Context, client *http.Client, target string, reserved bool) (*protocol.Readiness, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxReadinessBytes))
	if err != nil {
		return nil, fmt.Errorf("reading its answer: %w", err)
	}
	var answer struct {
		*protocol.Readiness
		Ready *bool `json:"ready"`
	}
	answer.Readiness = &protocol.Readiness{}
	known := response.StatusCode == http.StatusOK || response.StatusCode == http.StatusServiceUnavailable
	if err := json.Unmarshal(data, &answer); !known || err != nil || answer.Ready == nil || answer.Archives == nil && !reserved {
		return nil, fmt.Errorf("what answers there is not this registry: %s to %s", response.Status, target)
	}
	answer.Readiness.Ready = *answer.Ready
	return answer.Readiness, nil
}
