// SPDX-License-Identifier: Apache-2.0

package service

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/test/need"
)

var update = flag.Bool("update", false, "write the golden files")

// maxExposure is that of `systemd-analyze security`, from 0 to 10 (and
// here times 10); the right to read all files costs some of it.
const maxExposure = 20

func files(t *testing.T, configuration string) []File {
	t.Helper()
	c, err := config.Parse([]byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	list, err := Files(Options{Program: "/usr/local/bin/solution-bootstrap", ConfigurationPath: config.DefaultPath, Configuration: c})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// content returns that of a file, "" if it is not there.
func content(list []File, name string) string {
	for _, f := range list {
		if filepath.Base(f.Path) == name {
			return f.Content
		}
	}
	return ""
}

// What is installed by default.
func TestGolden(t *testing.T) {
	var text strings.Builder
	for _, f := range files(t, "") {
		text.WriteString("==> " + f.Path + "\n" + f.Content)
	}
	const path = "testdata/default.golden"
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("with -update it is written again; -want +got:\n%s", diff)
	}
}

// The configuration with all of its comments taken for true is the default, but
// for what has no default.
func TestConfigurationTemplate(t *testing.T) {
	text := content(files(t, ""), "solution-bootstrap.yaml")
	c, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	standard, err := config.Parse(nil)
	if err != nil || !cmp.Equal(c, standard) {
		t.Errorf("it says something: %+v, %v", c, err)
	}
	var lines []string
	for line := range strings.Lines(text) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if after, found := strings.CutPrefix(strings.TrimSpace(line), "#"); found && !strings.HasPrefix(after, " ") {
			lines = append(lines, indent+after)
		}
	}
	all, err := config.Parse([]byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	if all.Root != standard.Root || all.Mount != standard.Mount || all.Registry.Endpoint != standard.Registry.Endpoint || !cmp.Equal(all.Registry.Listen, standard.Registry.Listen) || all.Registry.AccessLog {
		t.Errorf("a default is another: %+v", all)
	}
	// Every field is there.
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	count := func(field string) int {
		values, _ := fields[field].(map[string]any)
		return len(values)
	}
	if len(fields) != reflect.TypeFor[config.Configuration]().NumField() || count("registry") != 4 || count("archives") != 1 || count("metrics") != 1 {
		t.Errorf("%s", data)
	}
	for field, value := range reflect.ValueOf(all.Registry.TLS).Fields() {
		if value.IsZero() {
			t.Errorf("registry.tls has no %s", field.Name)
		}
	}
}

func TestListen(t *testing.T) {
	for listen, want := range map[string]string{
		`[":5000"]`:                      "ListenStream=5000\n",
		`["10.0.0.1:5000", "[::1]:443"]`: "ListenStream=10.0.0.1:5000\nListenStream=[::1]:443\n",
		`["0.0.0.0:5000"]`:               "ListenStream=0.0.0.0:5000\n",
		`["node:5000"]`:                  "",
		`["10.0.0.1:5000", "node:5000"]`: "",
		`["10.0.0.1:0"]`:                 "",
		`["[fe80::1%eth0]:5000"]`:        "",
	} {
		list := files(t, "registry: {listen: "+listen+"}")
		socket, service := content(list, SocketUnit), content(list, ServiceUnit)
		if (want == "") != (socket == "") || !strings.Contains(socket, "[Socket]\n"+want+"#") && want != "" {
			t.Errorf("%s:\n%s", listen, socket)
		}
		if strings.Contains(service, SocketUnit) != (want != "") || strings.Contains(service, "network-online") != (want == "") {
			t.Errorf("%s:\n%s", listen, service)
		}
	}
}

// The right to listen on a port below 1024 is there where the service needs it.
func TestLowPorts(t *testing.T) {
	for configuration, want := range map[string]bool{
		"":                                   false,
		"registry: {listen: [':443']}":       false, // systemd listens
		"registry: {listen: ['node:443']}":   true,
		"registry: {listen: ['node:5000']}":  false,
		"metrics: {listen: ['10.0.0.1:80']}": true,
		"metrics: {listen: ['10.0.0.1:0']}":  false,
	} {
		text := content(files(t, configuration), ServiceUnit)
		if n := strings.Count(text, "Capabilit"); strings.Count(text, "CAP_DAC_READ_SEARCH CAP_NET_BIND_SERVICE\n") != map[bool]int{true: 2}[want] || n < 2 {
			t.Errorf("%q:\n%s", configuration, text)
		}
	}
}

func TestPaths(t *testing.T) {
	o := Options{Program: "/opt/a/solution-bootstrap", ConfigurationPath: "/etc/b.yaml"}
	o.Configuration.Registry.Listen = []string{":5000"}
	list, err := Files(o)
	if err != nil {
		t.Fatal(err)
	}
	if text := content(list, ServiceUnit); !strings.Contains(text, "ExecStart=/opt/a/solution-bootstrap serve --config /etc/b.yaml\n") || !strings.Contains(text, "ExecPaths=/opt/a/solution-bootstrap\n") {
		t.Error(text)
	}
	if content(list, "b.yaml") == "" || !strings.Contains(content(list, SocketUnit), "/etc/b.yaml") {
		t.Errorf("%+v", list)
	}
	for _, path := range []string{"", "solution-bootstrap", "/a b", "/a%i", "/a\n", `/a"`, "/$a", "/a/../b", "/a\\"} {
		for _, bad := range []Options{{Program: path, ConfigurationPath: "/a"}, {Program: "/a", ConfigurationPath: path}} {
			if _, err := Files(bad); err == nil || hint.Of(err) == "" {
				t.Errorf("%q: %v", path, err)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	const example, order = "# An example, for every node:\n# /etc/containerd/certs.d/", "/hosts.toml\n# Containerd asks the hosts in this order, and the server after them.\n"
	for configuration, want := range map[string]string{
		"registry: {endpoint: '10.0.0.1:5000'}": example + "10.0.0.1:5000" + order + `server = "http://10.0.0.1:5000"
capabilities = ["pull", "resolve"]

[host."http://10.0.0.1:5000"]
  capabilities = ["pull", "resolve"]
`,
		"registry: {endpoint: 'node:443/a/b', tls: {certificate: /c, key: /k}}": example + "node:443" + order + `server = "https://node:443"
capabilities = ["pull", "resolve"]
ca = "ca.crt"

[host."https://node:443"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
`,
		"registry: {listen: ['[2001:db8::1]:5000']}": example + "metalk8s-registry-from-config.invalid" + order + `server = "http://[2001:db8::1]:5000"
capabilities = ["pull", "resolve"]

[host."http://[2001:db8::1]:5000"]
  capabilities = ["pull", "resolve"]
`,
		"registry: {listen: [':5001']}": example + "metalk8s-registry-from-config.invalid" + order + `server = "http://address-of-the-bootstrap-node:5001"
capabilities = ["pull", "resolve"]

[host."http://address-of-the-bootstrap-node:5001"]
  capabilities = ["pull", "resolve"]
`,
		"registry: {endpoint: node}": "# endpoint \"node\": container runtimes take node for a part of docker.io, since it has neither a dot nor a port\n",
	} {
		if diff := cmp.Diff(Marker+"\n"+want, content(files(t, configuration), "containerd-hosts.toml.example")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", configuration, diff)
		}
	}
}

// systemd finds nothing to complain of.
func TestSystemdAnalyze(t *testing.T) {
	need.Program(t, "systemd-analyze")
	for _, configuration := range []string{"", "registry: {listen: ['node:443']}"} {
		folder := t.TempDir()
		args := []string{"verify", "--man=no"}
		for _, f := range files(t, configuration) {
			if f.Unit == "" {
				continue
			}
			// It wants the program to be there.
			text := strings.ReplaceAll(f.Content, "ExecStart=/usr/local/bin/solution-bootstrap", "ExecStart=/bin/true")
			path := filepath.Join(folder, f.Unit)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			args = append(args, path)
		}
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short", "--threshold="+strconv.Itoa(maxExposure), filepath.Join(folder, ServiceUnit)).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
