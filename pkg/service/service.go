// SPDX-License-Identifier: Apache-2.0

// Package service is what solution-bootstrap needs on its node to run as a
// service of systemd, as values: files with their paths and contents. It has no
// effects; those are in pkg/installer.
package service

import (
	"embed"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Names of the units.
const (
	ServiceUnit = "solution-bootstrap.service"
	SocketUnit  = "solution-bootstrap.socket"
)

// unitFolder is that of the administrator's units.
const unitFolder = "/etc/systemd/system"

// hostsPath is an example, which no container runtime reads from there.
const hostsPath = "/etc/metalk8s/containerd-hosts.toml.example"

// Marker is the first line of files that are ours: others are left alone.
const Marker = "# Written by solution-bootstrap install; solution-bootstrap uninstall removes it."

// File is a file of the installation.
type File struct {
	Path    string // absolute
	Content string
	// Unit is the name of the unit that it is, "" for none.
	Unit string
	// Kept says that the file is the administrator's once it is there: it is
	// not written again.
	Kept bool
}

// Options say what is installed.
type Options struct {
	// Program is the path of solution-bootstrap.
	Program string
	// ConfigurationPath is that of the helper's configuration, and Configuration
	// what is in it.
	ConfigurationPath string
	Configuration     config.Configuration
}

//go:embed templates
var templates embed.FS

// plainPath is a path that means itself in a unit, where some characters are
// special.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._+@=,-]*$`)

// Files returns the files of an installation. The socket's unit is among them
// if systemd can listen on all of registry.listen; otherwise the service does
// so itself.
func Files(o Options) ([]File, error) {
	for _, path := range []string{o.Program, o.ConfigurationPath} {
		if !plainPath.MatchString(path) || path != filepath.Clean(path) {
			return nil, hint.With(fmt.Errorf("%q cannot be in a unit of systemd", path),
				"give an absolute path of letters, digits and / . _ - only")
		}
	}
	listen, bySocket := streams(o.Configuration.Registry.Listen)
	values := map[string]any{
		"Marker": Marker, "Program": o.Program, "ConfigurationPath": o.ConfigurationPath,
		"Socket": bySocket, "Listen": listen, "Configuration": "", "BindCapability": "",
	}
	if o.ConfigurationPath != config.DefaultPath {
		values["Configuration"] = o.ConfigurationPath
	}
	if NeedsBind(o.Configuration, bySocket) {
		values["BindCapability"] = " CAP_NET_BIND_SERVICE"
	}
	files := []File{
		{Path: o.ConfigurationPath, Content: ConfigurationText(), Kept: true},
		{Path: hostsPath, Content: Marker + "\n" + hosts(o.Configuration)},
	}
	if bySocket {
		files = append(files, unit(SocketUnit, values))
	}
	return append(files, unit(ServiceUnit, values)), nil
}

func unit(name string, values map[string]any) File {
	return File{Path: unitPath(name), Content: render(name, values), Unit: name}
}

func unitPath(name string) string { return filepath.Join(unitFolder, name) }

// render panics only if a template is wrong, which every test would see.
func render(name string, values map[string]any) string {
	var text strings.Builder
	t := template.Must(template.ParseFS(templates, "templates/"+name))
	if err := t.Execute(&text, values); err != nil {
		panic(err)
	}
	return text.String()
}

// Places returns the paths of files that an installation may have left, besides
// its configuration; they begin with Marker.
func Places() []string { return []string{unitPath(ServiceUnit), unitPath(SocketUnit), hostsPath} }

// Links returns the paths of the links by which systemd knows that the units are
// enabled.
func Links() []string {
	return []string{
		filepath.Join(unitFolder, "multi-user.target.wants", ServiceUnit),
		filepath.Join(unitFolder, "sockets.target.wants", SocketUnit),
	}
}

// UnitOf returns the name of the unit that the file at a path is, "" for none.
func UnitOf(path string) string {
	for _, name := range []string{ServiceUnit, SocketUnit} {
		if path == unitPath(name) {
			return name
		}
	}
	return ""
}

// ConfigurationText returns the helper's configuration as it is installed.
func ConfigurationText() string { return render("solution-bootstrap.yaml", nil) }
