// SPDX-License-Identifier: Apache-2.0

package containerd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

func TestFile(t *testing.T) {
	for _, tt := range []struct {
		name, configPath, path string
		hosts                  Hosts
		want                   string
	}{
		{
			"one", DefaultConfigPath, "/etc/containerd/certs.d/192.168.1.10:5000/hosts.toml",
			Hosts{"192.168.1.10:5000", []Server{{URL: "http://192.168.1.10:5000"}}},
			`# /etc/containerd/certs.d/192.168.1.10:5000/hosts.toml
# Containerd asks the hosts in this order, and the server after them.
server = "http://192.168.1.10:5000"
capabilities = ["pull", "resolve"]

[host."http://192.168.1.10:5000"]
  capabilities = ["pull", "resolve"]
`,
		},
		{
			"several, one with TLS, of a name that no DNS knows", "/etc/certs.d/", "/etc/certs.d/metalk8s-registry-from-config.invalid/hosts.toml",
			Hosts{"metalk8s-registry-from-config.invalid", []Server{
				{URL: "http://192.168.1.10:5000/"}, {URL: "https://Registry.Example.com", CA: `/etc/a "b" \c.pem`},
			}},
			`# /etc/certs.d/metalk8s-registry-from-config.invalid/hosts.toml
# Containerd asks the hosts in this order, and the server after them.
server = "https://registry.example.com"
capabilities = ["pull", "resolve"]
ca = "/etc/a \"b\" \\c.pem"
dial_timeout = "5s"

[host."http://192.168.1.10:5000"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "5s"

[host."https://registry.example.com"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/a \"b\" \\c.pem"
  dial_timeout = "5s"
`,
		},
		{
			"IPv6, and an endpoint with a path", DefaultConfigPath, "/etc/containerd/certs.d/[fd00::1]:5000/hosts.toml",
			Hosts{"[fd00::1]:5000/some/path", []Server{{URL: "https://[fd00::1]:5000", CA: "ca.crt"}}},
			`# /etc/containerd/certs.d/[fd00::1]:5000/hosts.toml
# Containerd asks the hosts in this order, and the server after them.
server = "https://[fd00::1]:5000"
capabilities = ["pull", "resolve"]
ca = "ca.crt"

[host."https://[fd00::1]:5000"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
`,
		},
	} {
		path, text, err := tt.hosts.File(tt.configPath)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.path+"\n"+tt.want, path+"\n"+text); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
}

func TestFileRefuses(t *testing.T) {
	const form = "it is not of the form http://host[:port] or https://host[:port]"
	server := func(url string) Hosts { return Hosts{"registry.test:5000", []Server{{URL: url}}} }
	for _, tt := range []struct {
		hosts Hosts
		want  string
	}{
		{Hosts{"", []Server{{URL: "http://a"}}}, `endpoint "": it does not begin with host[:port]`},
		{Hosts{"../../etc", []Server{{URL: "http://a"}}}, `endpoint "../../etc": it does not begin with host[:port]`},
		{Hosts{"a b", []Server{{URL: "http://a"}}}, `endpoint "a b": it does not begin with host[:port]`},
		{Hosts{"registry", []Server{{URL: "http://a"}}}, `endpoint "registry": container runtimes take registry for a part of docker.io, since it has neither a dot nor a port`},
		{Hosts{"a:5000", nil}, `endpoint "a:5000" has no servers`},
		{server("registry.test:5000"), `server "registry.test:5000": ` + form},
		{server("//a"), `server "//a": ` + form},
		{server("ftp://a"), `server "ftp://a": ` + form},
		{server("http://"), `server "http://": ` + form},
		{server("http://:5000"), `server "http://:5000": ` + form},
		{server("http://a/v2"), `server "http://a/v2": ` + form},
		{server("http://u:p@a"), `server "http://u:p@a": ` + form},
		{server("http://a?b"), `server "http://a?b": ` + form},
		{server("http://a#b"), `server "http://a#b": ` + form},
		{server("http://a:0"), `server "http://a:0": ` + form},
		{server("http://a:65536"), `server "http://a:65536": ` + form},
		{server("http://a\"]\nserver = \"b"), `server "http://a\"]\nserver = \"b": ` + form},
		{server("http://metalk8s-registry-from-config.invalid"), `server "http://metalk8s-registry-from-config.invalid": no DNS knows metalk8s-registry-from-config.invalid (RFC 6761)`},
		{Hosts{"a:5000", []Server{{URL: "http://a"}, {URL: "http://A/"}}}, "server http://a is there twice"},
		{Hosts{"a:5000", []Server{{URL: "http://a", CA: "/ca"}}}, "server http://a has a CA, and is not https"},
		{Hosts{"a:5000", []Server{{URL: "https://a", CA: "/c\na"}}}, `CA "/c\na" is no path of a file`},
		{Hosts{"a:5000", []Server{{URL: "https://a", CA: "/c\xff"}}}, `CA "/c\xff" is no path of a file`},
	} {
		path, text, err := tt.hosts.File(DefaultConfigPath)
		if err == nil || err.Error() != tt.want || path != "" || text != "" {
			t.Errorf("%+v: %v\n%s%s\nwant %s", tt.hosts, err, path, text, tt.want)
		}
	}
	for _, configPath := range []string{"", "certs.d", "/etc\n#"} {
		if _, _, err := server("http://a").File(configPath); err == nil || !strings.HasSuffix(err.Error(), "is no absolute path") {
			t.Errorf("config_path %q: %v", configPath, err)
		}
	}
	if _, _, err := (Hosts{Endpoint: "registry"}).File(DefaultConfigPath); hint.Of(err) != "give it with its port: registry:443" {
		t.Errorf("hint %q", hint.Of(err))
	}
}
