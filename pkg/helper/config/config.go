// SPDX-License-Identifier: Apache-2.0

// Package config is the helper's own configuration on the bootstrap node.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// Where the helper's configuration is found.
const (
	DefaultPath         = "/etc/metalk8s/solution-bootstrap.yaml"
	EnvironmentVariable = "SOLUTION_BOOTSTRAP_CONFIG"
)

// Configuration is the helper's own, at DefaultPath.
type Configuration struct {
	// Root is put before the helper's own paths, as that of solutions.yaml;
	// archives are where their paths say. The default is "/".
	Root     string   `json:"root,omitempty"`
	Registry Registry `json:"registry,omitempty"`
	Archives Archives `json:"archives,omitzero"`
	Metrics  Metrics  `json:"metrics,omitzero"`
	// Mount is how imported archives are mounted. The default is mount.None:
	// serving needs no mount.
	Mount mount.Mode `json:"mount,omitempty"`
}

// Archives concerns the files that archives are.
type Archives struct {
	// Upload is the folder that uploaded archives are put into. The default is
	// DefaultUploadFolder below Root; a folder that is given is where it says.
	Upload string `json:"upload,omitempty"`
	// Allow are the folders, besides Upload, in which an archive may be, links
	// followed. Where it is empty, any will do.
	Allow []string `json:"allow,omitempty"`
}

// DefaultUploadFolder is below Root.
const DefaultUploadFolder = "/var/lib/metalk8s/solutions"

// Registry concerns the registry that serves the archives.
type Registry struct {
	// Endpoint is what images are pulled from, host[:port][/path]. The default
	// is v1alpha1.DefaultRegistryEndpoint, which older nodes resolve through
	// the configuration of their container runtime.
	Endpoint string `json:"endpoint,omitempty"`
	// Listen are the addresses, host:port or :port, on which solution-bootstrap
	// serve answers. The default is port 5000 on all of the node's addresses:
	// other nodes pull from here, and could not from the loopback address.
	Listen []string `json:"listen,omitempty"`
	// AccessLog has every request told in the log.
	AccessLog bool `json:"accessLog,omitempty"`
	// TLS has the registry answer over TLS only; the zero value, over plain
	// HTTP only.
	TLS TLS `json:"tls,omitzero"`
	// HTPasswd is the path of a file with the users who may read the registry,
	// and the bcrypt hashes of their passwords; "" for no passwords.
	HTPasswd string `json:"htpasswd,omitempty"`
}

// TLS has the paths of PEM files. They are where they say:
// Configuration.Root is not put before them.
type TLS struct {
	// Certificate has the server's certificate, and then those that lead to its
	// authority; Key has its private key.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
	// ClientCAs are the authorities of clients who may read the registry; ""
	// for no client certificates.
	ClientCAs string `json:"clientCAs,omitempty"`
}

// Metrics concerns the metrics of solution-bootstrap serve.
type Metrics struct {
	// Listen are the addresses, host:port or :port, of a server that answers
	// /metrics only; empty for none.
	Listen []string `json:"listen,omitempty"`
}

// DefaultListen uses the port that registries have by custom.
const DefaultListen = ":5000"

// endpointPattern is the part of an image reference before the image: a host,
// perhaps a port, perhaps path components (the distribution project's grammar
// of references).
var endpointPattern = regexp.MustCompile(
	`^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$`)

// Find returns where the helper's configuration is: path, or else
// where the environment variable says, or else DefaultPath, where it may
// be absent.
func Find(path string) (found string, mayBeAbsent bool) {
	if path == "" {
		path = os.Getenv(EnvironmentVariable)
	}
	if path == "" {
		return DefaultPath, true
	}
	return path, false
}

// Load reads the helper's configuration from where
// Find finds it.
func Load(path string) (Configuration, error) {
	path, mayBeAbsent := Find(path)
	data, err := os.ReadFile(path)
	if mayBeAbsent && errors.Is(err, fs.ErrNotExist) {
		data, err = nil, nil
	}
	if err != nil {
		return Configuration{}, fmt.Errorf("reading the helper's configuration: %w", err)
	}
	c, err := Parse(data)
	if err != nil {
		return Configuration{}, fmt.Errorf("reading the helper's configuration %s: %w", path, err)
	}
	return c, nil
}

// Parse reads a configuration and fills in its defaults.
func Parse(data []byte) (Configuration, error) {
	var c Configuration
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return c, err
	}
	if c.Root == "" {
		c.Root = "/"
	}
	if c.Registry.Endpoint == "" {
		c.Registry.Endpoint = v1alpha1.DefaultRegistryEndpoint
	}
	if len(c.Registry.Listen) == 0 {
		c.Registry.Listen = []string{DefaultListen}
	}
	if err := checkServing(c); err != nil {
		return c, err
	}
	if c.Mount == "" {
		c.Mount = mount.None
	}
	if err := c.Mount.Validate(); err != nil {
		return c, fmt.Errorf("mount: %w", err)
	}
	if !filepath.IsAbs(c.Root) {
		return c, fmt.Errorf("root: %q is no absolute path", c.Root)
	}
	if c.Archives.Upload == "" {
		c.Archives.Upload = filepath.Join(c.Root, DefaultUploadFolder)
	}
	for _, folder := range append([]string{c.Archives.Upload}, c.Archives.Allow...) {
		if !filepath.IsAbs(folder) {
			return c, fmt.Errorf("archives: %q is no absolute path", folder)
		}
	}
	if !endpointPattern.MatchString(c.Registry.Endpoint) {
		return c, hint.With(fmt.Errorf("registry.endpoint: %q is not of the form host[:port][/path]", c.Registry.Endpoint),
			"give it as in an image reference, without a scheme: 192.168.1.10:5000")
	}
	return c, nil
}

// VerifiedFolder returns where the node keeps which archives were checked.
func (c Configuration) VerifiedFolder() verified.Folder {
	return verified.Folder{Path: filepath.Join(c.Root, "var", "lib", "metalk8s", "solution-bootstrap", "verified")}
}

// SolutionsFile returns the SolutionsConfiguration file of the node.
func (c Configuration) SolutionsFile() solutionsconfig.File {
	return solutionsconfig.File{Path: filepath.Join(c.Root, "etc", "metalk8s", "solutions.yaml")}
}
