// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// asDevcluster in the environment makes the test binary devcluster itself, so the tests run what users run.
const asDevcluster = "TEST_AS_DEVCLUSTER"

func TestMain(m *testing.M) {
	if os.Getenv(asDevcluster) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestResolve(t *testing.T) {
	tests := []struct {
		argv     []string
		name     string
		wantArgv []string
	}{
		{[]string{"devcluster", "up", "--dir", "d"}, "up", []string{"up", "--dir", "d"}},
		{[]string{"bin/devcluster", "kubectl", "get", "pods"}, "kubectl", []string{"kubectl", "get", "pods"}},
		{[]string{"/x/kubectl", "get", "up"}, "kubectl", []string{"/x/kubectl", "get", "up"}},
		{[]string{"./kube-apiserver"}, "kube-apiserver", []string{"./kube-apiserver"}},
		{[]string{"up", "etcd"}, "etcd", []string{"etcd"}}, // only components go by the program's name
		{[]string{"devcluster", "--help"}, "help", []string{"--help"}},
	}
	for _, tt := range tests {
		c, argv, err := resolve(tt.argv)
		if err != nil || c.name != tt.name || !slices.Equal(argv, tt.wantArgv) {
			t.Errorf("resolve(%q) = %q, %q, %v; want %q, %q", tt.argv, c.name, argv, err, tt.name, tt.wantArgv)
		}
	}
}

func TestWrongCommandLines(t *testing.T) {
	tests := []struct {
		argv []string
		want string
	}{
		{[]string{"devcluster"}, "no command given"},
		{[]string{"devcluster", "down"}, `unknown command "down"`},
		{[]string{"devcluster", "up"}, "--dir"},
		{[]string{"devcluster", "up", "--dir", "d", "now"}, `["now"]`},
		{[]string{"devcluster", "up", "--dir", "d", "--port", "70000"}, "--port 70000"},
		{[]string{"devcluster", "up", "--dir", "d", "--etcd-port", "-1"}, "--etcd-port -1"},
		{[]string{"devcluster", "up", "--dir", "d", "--bind", "here"}, `--bind "here"`},
		{[]string{"devcluster", "up", "--dir", "d", "--advertise", "127.0.0.1"}, `--advertise "127.0.0.1"`},
		{[]string{"devcluster", "up", "--dir", "d", "--pod-cidr", "10.0.0.1"}, `--pod-cidr "10.0.0.1"`},
		{[]string{"devcluster", "up", "--dir", "d", "--service-cidr", "fd00::/64"}, `--service-cidr "fd00::/64"`},
		{[]string{"devcluster", "up", "--dir", "d", "--audit-reads"}, "--audit-reads needs --audit-log"},
		{[]string{"devcluster", "up", "--dir", "d", "--prot", "1"}, "-prot"},
	}
	for _, tt := range tests {
		t.Chdir(t.TempDir())
		var stderr bytes.Buffer
		if status := runUp(tt.argv, &stderr); status != 2 || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%q: exit status %d, %q; want 2 and %s", tt.argv, status, stderr.String(), tt.want)
		}
		if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
			t.Errorf("%q left %v, %v", tt.argv, left, err)
		}
	}
}

// runUp is run with up's own standard error in w, too.
func runUp(argv []string, w *bytes.Buffer) int {
	before, args := os.Stderr, os.Args
	defer func() { os.Stderr, os.Args = before, args }()
	r, stderr, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	os.Stderr = stderr
	status := run(argv, w)
	_ = stderr.Close()
	_, _ = w.ReadFrom(r)
	return status
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name, bind, advertise     string
		wantAdvertise, wantServer string
	}{
		{"loopback advertises an address that is nobody's", "127.0.0.1", "", "192.0.2.1", "https://127.0.0.1:6443"},
		{"its own address otherwise", "10.1.2.3", "", "10.1.2.3", "https://10.1.2.3:6443"},
		{"the default route's for all addresses", "0.0.0.0", "", "<nil>", "https://127.0.0.1:6443"},
		{"what is given", "127.0.0.1", "10.1.2.3", "10.1.2.3", "https://127.0.0.1:6443"},
		{"IPv6", "::1", "", "192.0.2.1", "https://[::1]:6443"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := parseOptions([]string{"--dir=d", "--bind", tt.bind, "--advertise", tt.advertise}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.advertise.String(); got != tt.wantAdvertise {
				t.Errorf("advertises %s, want %s", got, tt.wantAdvertise)
			}
			if got := o.serverURL(); got != tt.wantServer {
				t.Errorf("is reached at %s, want %s", got, tt.wantServer)
			}
			if got := o.firstServiceIP().String(); got != "10.96.0.1" {
				t.Errorf("kubernetes.default is %s, want 10.96.0.1", got)
			}
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	var b bytes.Buffer
	if _, err := parseOptions([]string{"-h"}, &b); !errors.Is(err, exitStatus(0)) || !strings.Contains(b.String(), "-until-stdin-closes") {
		t.Errorf("parseOptions(-h) = %v, printed %q", err, b.String())
	}
}
