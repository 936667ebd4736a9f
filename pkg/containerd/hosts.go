// SPDX-License-Identifier: Apache-2.0

// Package containerd writes the file that tells containerd where the images of
// an endpoint are pulled from: <config_path>/<host>/hosts.toml.
//
// The file is one that containerd 1.6, 1.7 and 2.x read alike:
//
//   - After the hosts, containerd asks the server. Without that line it would
//     ask https://<endpoint>, which an endpoint may not have: the default one is
//     a name that no DNS knows. So the line is there, and names the last host.
//   - Before 2.0 a file that has a server and no host is an error, which
//     containerd logs, and then does without the file. So even a single server
//     is a host too.
//   - A CA beside a server of plain HTTP has containerd 2.x try HTTPS first: it
//     is refused.
package containerd

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// DefaultConfigPath is the config_path that containerd's documentation uses,
// and containerd 2.2 and later have by default.
const DefaultConfigPath = "/etc/containerd/certs.d"

// Hosts says which servers have the images of an endpoint.
type Hosts struct {
	// Endpoint is what image references begin with, host[:port][/path].
	// Containerd looks at the host and port only.
	Endpoint string
	// Servers are asked in this order, until one has what is wanted.
	Servers []Server
}

// Server is a registry.
type Server struct {
	// URL is http://host[:port] or https://host[:port].
	URL string
	// CA is the path, on the nodes, of the certificates (PEM) that an https
	// server's is checked against, besides the system's; "" for none. A relative
	// one is below the folder of the file.
	CA string
}

// File returns the path of the file below configPath, and its text. It is an
// error where containerd would not pull from the servers by it.
func (h Hosts) File(configPath string) (path, text string, err error) {
	host, _, _ := strings.Cut(h.Endpoint, "/")
	if err := checkEndpoint(host); err != nil {
		return "", "", fmt.Errorf("endpoint %q: %w", h.Endpoint, err)
	}
	if !filepath.IsAbs(configPath) || !printable(configPath) {
		return "", "", fmt.Errorf("config_path %q is no absolute path", configPath)
	}
	if len(h.Servers) == 0 {
		return "", "", fmt.Errorf("endpoint %q has no servers", h.Endpoint)
	}
	path = filepath.Join(configPath, host, "hosts.toml")
	servers, err := check(h.Servers)
	if err != nil {
		return "", "", err
	}
	return path, render(path, servers), nil
}

// render returns the text of the file; nothing in it needs to be refused any
// more.
func render(path string, servers []Server) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", path)
	b.WriteString("# Containerd asks the hosts in this order, and the server after them.\n")
	fmt.Fprintf(&b, "server = %s\n", quote(servers[len(servers)-1].URL))
	settings(&b, "", servers[len(servers)-1], len(servers) > 1)
	for _, s := range servers {
		fmt.Fprintf(&b, "\n[host.%s]\n", quote(s.URL))
		settings(&b, "  ", s, len(servers) > 1)
	}
	return b.String()
}

// dialTimeout is how long containerd 2.1 and later wait for a server that does
// not answer, where there is another; older ones wait for half a minute.
const dialTimeout = "5s"

func settings(b *strings.Builder, indent string, s Server, several bool) {
	fmt.Fprintf(b, "%scapabilities = [\"pull\", \"resolve\"]\n", indent)
	if s.CA != "" {
		fmt.Fprintf(b, "%sca = %s\n", indent, quote(s.CA))
	}
	if several {
		fmt.Fprintf(b, "%sdial_timeout = %s\n", indent, quote(dialTimeout))
	}
}

// hostPattern is a host, perhaps with a port, as in image references (the
// distribution project's grammar of references) and URLs.
var hostPattern = regexp.MustCompile(`^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)

func checkEndpoint(host string) error {
	if !hostPattern.MatchString(host) {
		return errors.New("it does not begin with host[:port]")
	}
	if host != "localhost" && !strings.ContainsAny(host, ".:") {
		return hint.With(fmt.Errorf("container runtimes take %s for a part of docker.io, since it has neither a dot nor a port", host),
			"give it with its port: %s:443", host)
	}
	return nil
}

// check returns the servers with their URLs in one form.
func check(servers []Server) ([]Server, error) {
	var checked []Server
	seen := map[string]bool{}
	for _, s := range servers {
		base, err := checkURL(s.URL)
		if err != nil {
			return nil, fmt.Errorf("server %q: %w", s.URL, err)
		}
		if seen[base] {
			return nil, fmt.Errorf("server %s is there twice", base)
		}
		seen[base] = true
		if s.CA != "" && !strings.HasPrefix(base, "https:") {
			return nil, fmt.Errorf("server %s has a CA, and is not https", base)
		}
		if !printable(s.CA) {
			return nil, fmt.Errorf("CA %q is no path of a file", s.CA)
		}
		checked = append(checked, Server{URL: base, CA: s.CA})
	}
	return checked, nil
}

var errURL = errors.New("it is not of the form http://host[:port] or https://host[:port]")

func checkURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostPattern.MatchString(u.Host) {
		return "", errURL
	}
	if strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errURL
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return "", errURL
	}
	if name := strings.ToLower(u.Hostname()); name == "invalid" || strings.HasSuffix(name, ".invalid") {
		return "", hint.With(fmt.Errorf("no DNS knows %s (RFC 6761)", u.Hostname()), "give the address of the machine that serves the images")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// quote returns a basic string of TOML. What is not printable was refused.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
