// SPDX-License-Identifier: Apache-2.0

package installer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/service"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// machine is a root with an Installer that notes how systemctl is run.
type machine struct {
	Installer
	t   *testing.T
	ran []string
	err error // of systemctl
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t}
	m.Installer = Installer{Root: t.TempDir(), Systemctl: func(_ context.Context, arguments ...string) error {
		m.ran = append(m.ran, strings.Join(arguments, " "))
		return m.err
	}}
	return m
}

func (m *machine) files(configuration string) []service.File {
	m.t.Helper()
	c, err := config.Parse([]byte(configuration))
	if err != nil {
		m.t.Fatal(err)
	}
	files, err := service.Files(service.Options{Program: "/usr/bin/solution-bootstrap", ConfigurationPath: config.DefaultPath, Configuration: c})
	if err != nil {
		m.t.Fatal(err)
	}
	return files
}

// does applies a plan, and returns what it did: files, and runs of systemctl.
func (m *machine) does(changes []Change, err error) string {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	m.ran = nil
	if err := m.Apply(m.t.Context(), changes); err != nil {
		m.t.Fatal(err)
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, string(c.Action)+" "+filepath.Base(c.File.Path))
	}
	return strings.Join(append(lines, m.ran...), "\n")
}

func (m *machine) install(configuration string) string {
	m.t.Helper()
	return m.does(m.PlanInstall(m.files(configuration)))
}

func (m *machine) uninstall(purge bool) string {
	m.t.Helper()
	return m.does(m.PlanUninstall(config.DefaultPath, purge))
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.at(path)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.at(path), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// tree is every file below the root.
func (m *machine) tree() (paths []string) {
	m.t.Helper()
	err := filepath.WalkDir(m.Root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, strings.TrimPrefix(path, m.Root))
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return paths
}

const (
	servicePath = "/etc/systemd/system/solution-bootstrap.service"
	socketPath  = "/etc/systemd/system/solution-bootstrap.socket"
)

func want(t *testing.T, got string, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, strings.Split(got, "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInstall(t *testing.T) {
	m := newMachine(t)
	want(t, m.install(""),
		"created solution-bootstrap.yaml", "created containerd-hosts.toml.example", "created solution-bootstrap.socket", "created solution-bootstrap.service",
		"daemon-reload", "enable --now solution-bootstrap.socket solution-bootstrap.service")
	want(t, m.install(""),
		"unchanged solution-bootstrap.yaml", "unchanged containerd-hosts.toml.example", "unchanged solution-bootstrap.socket", "unchanged solution-bootstrap.service",
		"daemon-reload", "enable --now solution-bootstrap.socket solution-bootstrap.service")
	// Another address: systemd gives up the socket only when all is stopped.
	m.write(config.DefaultPath, "registry: {listen: [':5001']}")
	want(t, m.install("registry: {listen: [':5001']}"),
		"kept solution-bootstrap.yaml", "updated containerd-hosts.toml.example", "updated solution-bootstrap.socket", "unchanged solution-bootstrap.service",
		"stop solution-bootstrap.socket solution-bootstrap.service",
		"daemon-reload", "enable --now solution-bootstrap.socket solution-bootstrap.service")
	// One on which systemd cannot listen.
	want(t, m.install("registry: {listen: ['node:5001']}"),
		"kept solution-bootstrap.yaml", "updated containerd-hosts.toml.example", "updated solution-bootstrap.service", "removed solution-bootstrap.socket",
		"stop solution-bootstrap.service solution-bootstrap.socket", "disable solution-bootstrap.socket",
		"daemon-reload", "enable --now solution-bootstrap.service")
	if tree := m.tree(); slices.Contains(tree, socketPath) || len(tree) != 3 {
		t.Errorf("%q", tree)
	}
	want(t, m.install(""),
		"kept solution-bootstrap.yaml", "updated containerd-hosts.toml.example", "created solution-bootstrap.socket", "updated solution-bootstrap.service",
		"stop solution-bootstrap.service",
		"daemon-reload", "enable --now solution-bootstrap.socket solution-bootstrap.service")
	if info, err := os.Stat(m.at(servicePath)); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestUninstall(t *testing.T) {
	m := newMachine(t)
	want(t, m.uninstall(false), "")
	m.install("")
	removed := []string{
		"stop solution-bootstrap.service solution-bootstrap.socket", "disable solution-bootstrap.service solution-bootstrap.socket", "daemon-reload",
	}
	want(t, m.uninstall(false), append([]string{"removed solution-bootstrap.service", "removed solution-bootstrap.socket", "removed containerd-hosts.toml.example", "removed solution-bootstrap.yaml"}, removed...)...)
	if _, err := os.Stat(m.at("/etc/metalk8s")); !errors.Is(err, os.ErrNotExist) || len(m.tree()) != 0 {
		t.Errorf("%v, %q", err, m.tree())
	}
	// What someone has written stays, and so does what is not ours.
	m.install("")
	m.write(config.DefaultPath, "root: /")
	m.write("/etc/metalk8s/solutions.yaml", "")
	m.write(servicePath+".d/override.conf", "[Service]\n")
	m.write(socketPath, "[Socket]\n")
	if err := os.MkdirAll(m.at("/etc/systemd/system/multi-user.target.wants"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(servicePath, m.at("/etc/systemd/system/multi-user.target.wants/solution-bootstrap.service")); err != nil {
		t.Fatal(err)
	}
	want(t, m.uninstall(false), "removed solution-bootstrap.service", "removed containerd-hosts.toml.example", "removed solution-bootstrap.service", "kept solution-bootstrap.yaml",
		"stop solution-bootstrap.service", "disable solution-bootstrap.service", "daemon-reload")
	want(t, m.uninstall(false), "kept solution-bootstrap.yaml")
	want(t, m.uninstall(true), "removed solution-bootstrap.yaml")
	want(t, m.uninstall(true), "")
	if diff := cmp.Diff([]string{"/etc/metalk8s/solutions.yaml", servicePath + ".d/override.conf", socketPath}, m.tree()); diff != "" {
		t.Error(diff)
	}
}

// Everything is checked before anything is changed.
func TestInstallRefuses(t *testing.T) {
	for what, tt := range map[string]struct {
		prepare func(m *machine)
		want    string
		hint    string
	}{
		"a unit of someone else": {
			func(m *machine) { m.write(servicePath, "[Service]\n") },
			"ROOT" + servicePath + " is not of solution-bootstrap install: it begins with another line", "move it away, and run the command again",
		},
		"a folder in the place of a file": {
			func(m *machine) { m.write(servicePath+"/x", "") },
			"read ROOT" + servicePath + ": is a directory", "",
		},
		"a file in the place of a folder": {
			func(m *machine) { m.write("/etc/systemd", "") },
			"open ROOT" + socketPath + ": not a directory", "",
		},
		"a link that leads out": {
			func(m *machine) {
				if err := errors.Join(os.Mkdir(m.at("/etc"), 0o755), os.Symlink(t.TempDir(), m.at("/etc/systemd"))); err != nil {
					t.Fatal(err)
				}
			},
			"writing ROOT" + socketPath + ": ROOT/etc/systemd leads out of ROOT, to ", "",
		},
	} {
		m := newMachine(t)
		tt.prepare(m)
		before := m.tree()
		_, err := m.PlanInstall(m.files(""))
		if message := strings.ReplaceAll(tt.want, "ROOT", m.Root); err == nil || !strings.HasPrefix(err.Error(), message) || hint.Of(err) != tt.hint {
			t.Errorf("%s: %v, hint %q; want %s", what, err, hint.Of(err), message)
		}
		if diff := cmp.Diff(before, m.tree()); diff != "" {
			t.Error(diff)
		}
	}
}

// A command that fails in the middle is run again.
func TestInstallAgain(t *testing.T) {
	m := newMachine(t)
	changes, err := m.PlanInstall(m.files(""))
	if err != nil {
		t.Fatal(err)
	}
	m.err = errors.New("no systemd")
	if err := m.Apply(t.Context(), changes); !errors.Is(err, m.err) {
		t.Errorf("%v", err)
	}
	m.err = nil
	if got := m.install(""); !strings.HasSuffix(got, "daemon-reload\nenable --now solution-bootstrap.socket solution-bootstrap.service") {
		t.Error(got)
	}
}

func TestCheckProgram(t *testing.T) {
	need.Root(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "program")
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := CheckProgram(path); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func() error{
		"writable by a group":  func() error { return os.Chmod(path, 0o775) },
		"not executable":       func() error { return os.Chmod(path, 0o644) },
		"of another user":      func() error { return os.Chown(path, 1, 0) },
		"in a writable folder": func() error { return os.Chmod(folder, 0o777) },
		"not there":            func() error { return os.Remove(path) },
		"a folder":             func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := CheckProgram(path); err == nil {
			t.Errorf("%s: no error", what)
		}
		if err := errors.Join(os.RemoveAll(path), os.Chmod(folder, 0o755), os.WriteFile(path, nil, 0o755), os.Chmod(path, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
}
