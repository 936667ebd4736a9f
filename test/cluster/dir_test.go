// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testOptions(t *testing.T, dir string, args ...string) *options {
	t.Helper()
	o, err := parseOptions(append([]string{"--dir", dir}, args...), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestPortsAreRemembered(t *testing.T) {
	dir := t.TempDir()
	first := testOptions(t, dir, "--port=0", "--etcd-port=0")
	if err := first.choosePorts(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []int{first.ports.API, first.ports.Etcd} {
		if p < lowestFreePort || p > highestFreePort {
			t.Errorf("chose port %d", p)
		}
	}
	if first.ports.API == first.ports.Etcd {
		t.Errorf("chose port %d twice", first.ports.API)
	}
	second := testOptions(t, dir)
	if err := second.choosePorts(); err != nil {
		t.Fatal(err)
	}
	if second.ports != first.ports {
		t.Errorf("started again on %v, was on %v", second.ports, first.ports)
	}
	third := testOptions(t, dir, "--port=0")
	if err := third.choosePorts(); err != nil {
		t.Fatal(err)
	}
	if third.ports.Etcd != first.ports.Etcd {
		t.Errorf("etcd moved to %d, was on %d", third.ports.Etcd, first.ports.Etcd)
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	err = testOptions(t, dir, "--port="+port, "--etcd-port=0").choosePorts()
	if err == nil || !strings.Contains(err.Error(), "--port: ") || !strings.Contains(err.Error(), port) {
		t.Errorf("port %s taken: %v", port, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ports.json")); !os.IsNotExist(err) {
		t.Errorf("a port that cannot be had was remembered: %v", err)
	}
}

func TestFolderIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); err == nil || !strings.Contains(err.Error(), "another devcluster is running in "+dir) {
		t.Errorf("locked twice: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("after the lock was given back: %v", err)
	}
	_ = again.Close()
}

// Certificates change with the addresses, what others trust does not.
func TestPKIIsReissued(t *testing.T) {
	dir := t.TempDir()
	issue := func(args ...string) (*pki, *x509.Certificate) {
		t.Helper()
		p, err := openPKI(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.issue(testOptions(t, dir, args...)); err != nil {
			t.Fatal(err)
		}
		server, err := readAuthority(p.file("apiserver"))
		if err != nil {
			t.Fatal(err)
		}
		return p, server.crt
	}
	first, crt := issue()
	second, moved := issue("--bind=10.1.2.3", "--port=7777")
	if !second.root.crt.Equal(first.root.crt) {
		t.Error("the second start made another authority")
	}
	roots := x509.NewCertPool()
	roots.AddCert(first.root.crt)
	for host, c := range map[string]*x509.Certificate{"127.0.0.1": crt, "10.96.0.1": crt, "10.1.2.3": moved, "kubernetes.default.svc": moved} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	b, err := os.ReadFile(second.file("kubelet.kubeconfig"))
	if err != nil || !strings.Contains(string(b), `server: "https://10.1.2.3:7777"`) {
		t.Errorf("kubelet.kubeconfig: %v\n%s", err, b)
	}
}

func TestDamagedPKIIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := openPKI(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pki", "ca.key"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openPKI(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "pki", "ca")) {
		t.Errorf("damaged ca.key: %v", err)
	}
}
