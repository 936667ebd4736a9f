// SPDX-License-Identifier: Apache-2.0

package util

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/podexec"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// connection is one whose kubeconfig names a cluster, which is not asked.
func connection(t *testing.T, flag string) *Connection {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config")
	const text = `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],"contexts":[{"name":"c","context":{"cluster":"c"}}],"current-context":"c"}`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conn := NewConnection()
	conn.Flags.KubeConfig = &config
	cmd := &cobra.Command{}
	conn.AddBootstrapFlag(cmd)
	if err := cmd.ParseFlags([]string{"--bootstrap", flag}); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Where the helper is, without a cluster that records it: the flag, then the
// variable, then local. What others may use is to be recorded.
func TestBootstrapAddress(t *testing.T) {
	for _, tt := range []struct {
		flag, variable, want, record string
		remote                       bool
	}{
		{"", "", "local", "", false},
		{"", "local:/b", "local:/b", "", false},
		{"local:/a", "local:/b", "local:/a", "", false},
		{"local", "ssh://x", "local", "", false},
		{"local+sudo", "ssh://x", "local+sudo", "", false},
		{"ssh://x", "", "ssh://x", "ssh://x", true},
		{"", "ssh+sudo://a@x:22", "ssh+sudo://a@x:22", "ssh+sudo://a@x:22", true},
		{"pod://x", "", "pod://metalk8s-solutions/x", "pod://metalk8s-solutions/x", true},
		{"pod://kube-system/a=b#c", "", "pod://kube-system/a=b#c", "pod://kube-system/a=b#c", true},
		{"pod://other/x", "", "pod://other/x", "", true},
		{"ssh://-x", "", "", "", true},
		{"pod://X", "", "", "", true},
	} {
		t.Setenv(BootstrapEnvironment, tt.variable)
		conn := connection(t, tt.flag)
		node, err := conn.Bootstrap(t.Context(), nil, NewStatus(&bytes.Buffer{}))
		if (err != nil) != (tt.want == "") || conn.IsRemote() != tt.remote {
			t.Errorf("%+v: %v, %v, remote %t", tt, node, err, conn.IsRemote())
		}
		if err == nil && (node.Runner.String() != tt.want || node.Record != tt.record) {
			t.Errorf("%+v: %s, to be recorded as %q", tt, node.Runner, node.Record)
		}
	}
}

// Only on a terminal may ssh ask, and take as long as a person does.
func TestBootstrapAsks(t *testing.T) {
	for terminal, want := range map[bool]remote.Runner{true: remote.SSH{Host: "x", Mode: remote.SSHAsk}, false: remote.SSH{Host: "x"}} {
		status := NewStatus(&bytes.Buffer{})
		status.terminal = terminal
		node, err := connection(t, "ssh://x").Bootstrap(t.Context(), nil, status)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(node.Runner, want) || (node.HelloTimeout == 5*time.Minute) != terminal {
			t.Errorf("terminal %t: %#v, timeout %v", terminal, node.Runner, node.HelloTimeout)
		}
	}
}

// Who can write to the cluster cannot choose what runs on this machine, or have
// ssh meet strangers.
func TestRecordedRunner(t *testing.T) {
	conn := connection(t, "")
	config, err := conn.restConfig()
	if err != nil || config.Host != "https://127.0.0.1:1" {
		t.Fatalf("%+v, %v", config, err)
	}
	for address, want := range map[string]remote.Runner{
		"local":                        remote.Local{},
		"ssh://admin@node:22":          remote.SSH{User: "admin", Host: "node", Port: 22, Mode: remote.SSHStrict},
		"ssh+sudo://node":              remote.SSH{Host: "node", Sudo: true, Mode: remote.SSHStrict},
		"pod://helper":                 podexec.Runner{Config: config, Namespace: "metalk8s-solutions", Name: "helper"},
		"pod://kube-system/app=helper": podexec.Runner{Config: config, Namespace: "kube-system", Selector: "app=helper"},
	} {
		if runner, err := conn.recordedRunner(address); err != nil || !reflect.DeepEqual(runner, want) {
			t.Errorf("%s: %+v, %v", address, runner, err)
		}
	}
	const advice = "say where it is: --bootstrap ADDRESS, or $KUBECTL_SOLUTION_BOOTSTRAP"
	for address, want := range map[string]struct{ message, hint string }{
		"local:/tmp/evil":              {"it names a program of this machine, or sudo on it", advice},
		"local+sudo":                   {"it names a program of this machine, or sudo on it", advice},
		"local+sudo:/tmp/evil":         {"it names a program of this machine, or sudo on it", advice},
		"pod://default/evil":           {"it names a pod outside of the namespaces metalk8s-solutions and kube-system", advice},
		"ssh://-oProxyCommand=evil":    {`"-oProxyCommand=evil" is no name or IP address of a host`, "~/.ssh/config"},
		"ssh://$(evil)":                {`"$(evil)" is no name or IP address of a host`, "~/.ssh/config"},
		"ssh://node evil":              {`"node evil" is no name or IP address of a host`, "~/.ssh/config"},
		"ssh://node\nProxyCommand x":   {`"node\nProxyCommand x" is no name or IP address of a host`, "~/.ssh/config"},
		"pod://x#-c":                   {`"-c" is no name of a container`, "an address is"},
		"/tmp/evil":                    {"is not one", "an address is"},
		"ssh://node --bootstrap local": {"is no name or IP address", "~/.ssh/config"},
	} {
		_, err := conn.recordedRunner(address)
		const prefix = "namespace metalk8s-solutions records in annotation solutions.metalk8s.scality.com/bootstrap where the bootstrap node is, which is not used: "
		if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want.message) || !strings.Contains(hint.Of(err), want.hint) {
			t.Errorf("%q: %v, hint %q", address, err, hint.Of(err))
		}
	}
}
