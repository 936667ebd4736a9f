// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// startTimeout is generous: a machine that is compiling at the same time takes ten times the usual three seconds.
const startTimeout = 2 * time.Minute

const pollInterval = 25 * time.Millisecond

// probe asks the API server as the administrator.
type probe struct {
	client *http.Client
	server string
	ended  <-chan error // components that should not end
}

func newProbe(o *options, p *pki, ended <-chan error) (*probe, error) {
	pair, err := tls.LoadX509KeyPair(p.file("admin.crt"), p.file("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.root.crt)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	return &probe{&http.Client{Transport: transport, Timeout: 2 * time.Second}, o.serverURL(), ended}, nil
}

// wait returns when the API server answers 200 at path, or with the first of: a component's end, ctx's cause, the time.
func (p *probe) wait(ctx context.Context, path string) error {
	defer p.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not there after %v", startTimeout))
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := p.get(ctx, path)
		if err == nil {
			return nil
		}
		select {
		case ended := <-p.ended:
			return ended
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for %s: %w", path, context.Cause(ctx)), err)
		case <-tick.C:
		}
	}
}

func (p *probe) get(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server+path, nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", path, resp.Status)
	}
	return nil
}
