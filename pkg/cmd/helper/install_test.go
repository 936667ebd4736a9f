// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs solution-bootstrap, and returns what it prints.
func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

const installed = `/etc/metalk8s/solution-bootstrap.yaml created
/etc/metalk8s/containerd-hosts.toml.example created
/etc/systemd/system/solution-bootstrap.socket created
/etc/systemd/system/solution-bootstrap.service created
`

// Below another root systemd is left alone, and people are told what to run.
func TestInstallBelowRoot(t *testing.T) {
	root := t.TempDir()
	stdout, stderr, err := run(t, "install", "--root", root, "--program", "/usr/bin/solution-bootstrap")
	const commands = `systemd does not run here; where it does, run:
  systemctl daemon-reload
  systemctl enable --now solution-bootstrap.socket solution-bootstrap.service
`
	if err != nil || stdout != installed || stderr != commands {
		t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/solution-bootstrap.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/bin/solution-bootstrap serve\n") {
		t.Errorf("%v\n%s", err, unit)
	}
	// What was installed is what the helper reads.
	configuration := filepath.Join(root, "etc/metalk8s/solution-bootstrap.yaml")
	if stdout, stderr, err = run(t, "config", "--config", configuration); err != nil || !strings.Contains(stdout, "- :5000\n") {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
	stdout, _, err = run(t, "uninstall", "--root", root)
	if err != nil || strings.Count(stdout, " removed\n") != 4 {
		t.Errorf("%v\n%s", err, stdout)
	}
	if stdout, stderr, err = run(t, "uninstall", "--root", root); err != nil || stdout+stderr != "" {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
}

func TestInstallDryRun(t *testing.T) {
	root := t.TempDir()
	stdout, stderr, err := run(t, "install", "--dry-run", "--root", root, "--config", "/etc/other.yaml", "--program", "/usr/bin/solution-bootstrap")
	if err != nil || stderr != "" {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, want := range []string{
		"==> /etc/other.yaml created\n# Configuration of solution-bootstrap",
		"==> /etc/systemd/system/solution-bootstrap.socket created\n# Written by",
		"ExecStart=/usr/bin/solution-bootstrap serve --config /etc/other.yaml\n",
		"WantedBy=multi-user.target\n==> systemctl daemon-reload\n==> systemctl enable --now solution-bootstrap.socket solution-bootstrap.service\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if _, _, err := run(t, "install", "--root", root); err != nil {
		t.Fatal(err)
	}
	if stdout, _, err = run(t, "uninstall", "--root", root, "--dry-run"); err != nil || !strings.HasPrefix(stdout, "==> systemctl stop ") || strings.Count(stdout, " removed\n") != 4 {
		t.Errorf("%v\n%s", err, stdout)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/systemd/system/solution-bootstrap.service")); err != nil {
		t.Error(err)
	}
}

func TestInstallRefuses(t *testing.T) {
	root, open := t.TempDir(), t.TempDir()
	bad := filepath.Join(root, "bad.yaml")
	if err := os.WriteFile(bad, []byte("registry: {listen: ['5000']}"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A program that others than root can replace is none for a service.
	program := filepath.Join(open, "program")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`error: "program" cannot be in a unit of systemd`:                                                 {"install", "--root", root, "--program", "program"},
		"error: --config: \"a.yaml\" is no absolute path, which a service needs":                          {"install", "--root", root, "--config", "a.yaml"},
		"error: reading the helper's configuration " + bad + ": registry.listen: ":                        {"install", "--root", root, "--config", "/bad.yaml"},
		"error: installing a service: " + program + ", or its folder, can be changed by others than root": {"install", "--dry-run", "--program", program},
		"error: installing a service: stat /none: no such file or directory":                              {"install", "--dry-run", "--program", "/none"},
		"error: unknown command \"now\" for \"solution-bootstrap install\"":                               {"install", "now"},
	} {
		stdout, stderr, err := run(t, args...)
		if err == nil || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("%q: %v, %s%s; want %s", args, err, stdout, stderr, want)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
