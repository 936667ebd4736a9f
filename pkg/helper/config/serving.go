// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Scheme returns how the registry is reached: "https" or "http".
func (r Registry) Scheme() string {
	if r.TLS.Certificate != "" {
		return "https"
	}
	return "http"
}

// checkServing refuses what solution-bootstrap serve could not do.
func checkServing(c Configuration) error {
	for _, address := range c.Registry.Listen {
		if err := checkListen(address); err != nil {
			return fmt.Errorf("registry.listen: %w", err)
		}
	}
	for _, address := range c.Metrics.Listen {
		if err := checkListen(address); err != nil {
			return fmt.Errorf("metrics.listen: %w", err)
		}
		if slices.Contains(c.Registry.Listen, address) && !AnyPort(address) {
			return fmt.Errorf("metrics.listen: %q is an address of the registry", address)
		}
	}
	if err := checkTLS(c.Registry.TLS); err != nil {
		return fmt.Errorf("registry.tls: %w", err)
	}
	if err := checkPath(c.Registry.HTPasswd); err != nil {
		return fmt.Errorf("registry.htpasswd: %w", err)
	}
	return nil
}

func checkTLS(c TLS) error {
	switch {
	case c.Certificate == "" && c.Key != "":
		return errors.New("there is a key, and no certificate")
	case c.Certificate != "" && c.Key == "":
		return errors.New("there is a certificate, and no key")
	case c.Certificate == "" && c.ClientCAs != "":
		return errors.New("there are clientCAs, which need a certificate and a key")
	}
	for _, f := range []struct{ name, path string }{{"certificate", c.Certificate}, {"key", c.Key}, {"clientCAs", c.ClientCAs}} {
		if err := checkPath(f.path); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// checkPath refuses a path that means another file in another folder; "" is
// none.
func checkPath(path string) error {
	if path != "" && !filepath.IsAbs(path) {
		return fmt.Errorf("%q is no absolute path", path)
	}
	return nil
}

// checkListen refuses what is no address to listen on. Port 0 stands for any
// that is free.
func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return hint.With(fmt.Errorf("%q is not of the form host:port or :port", address),
			`for example ":5000", "192.168.1.10:5000" or "[::1]:5000"`)
	}
	return nil
}

// AnyPort reports whether an address leaves the port to the system.
func AnyPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}
