// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/registry/nginx"
	"github.com/metalk8s/kubectl-solution/test/need"
)

// list writes a node's solutions.yaml.
func (n *node) list(archives ...string) {
	n.t.Helper()
	path := filepath.Join(filepath.Dir(n.config), "etc", "metalk8s", "solutions.yaml")
	text := "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: [" + strings.Join(archives, ", ") + "]\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		n.t.Fatal(err)
	}
}

// configure writes the helper's configuration.
func (n *node) configure(registry string) {
	n.t.Helper()
	if err := os.WriteFile(n.config, []byte("root: "+filepath.Dir(n.config)+"\nregistry: "+registry+"\n"), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// nginx runs solution-bootstrap nginx.
func (n *node) nginx(args ...string) (stdout, stderr string, err error) {
	n.t.Helper()
	cmd := n.command(append([]string{"nginx"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// wrote runs it with --output, and checks what it says that it did.
func (n *node) wrote(folder string, failed bool, want []string, args ...string) string {
	n.t.Helper()
	out, errOut, err := n.nginx(append(args, "--output", folder)...)
	if (err != nil) != failed {
		n.t.Fatalf("%v\n%s%s", err, out, errOut)
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.TrimSpace(strings.ReplaceAll(out, folder+"/", ""))); diff != "" {
		n.t.Errorf("-want +got:\n%s%s", diff, errOut)
	}
	return errOut
}

// good has Debian's nginx check a configuration that includes a pattern.
func good(t *testing.T, http string) {
	t.Helper()
	program := need.Program(t, "nginx")
	folder := t.TempDir()
	config := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf("pid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n", folder)
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += fmt.Sprintf("%s_temp_path %s/%s;\n", name, folder, name)
	}
	text += http + "}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "-t", "-q", "-e", "stderr", "-c", config).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNginxFolder(t *testing.T) {
	n := newNode(t)
	n.configure("{listen: ['127.0.0.1:5000']}")
	folder := filepath.Join(t.TempDir(), "conf.d")
	one, two := archivetest.New(t).ISO(t), archivetest.New(t).WithVersion("2.0.0").ISO(t)
	const first, second = "example-solution-1.0.0" + nginx.Suffix, "example-solution-2.0.0" + nginx.Suffix
	n.list(one, two)
	errOut := n.wrote(folder, false, []string{first + " created", second + " created", nginx.ServerName + " created"}, "--server")
	for _, want := range []string{
		"warning: example-solution-1.0.0: its tree is not there, and nginx will answer so: stat /srv/scality/example-solution-1.0.0/images: no such file or directory\n",
		"for nginx to see it, run: nginx -t && nginx -s reload\n",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%s\nwant %s", errOut, want)
		}
	}
	good(t, "include "+folder+"/*.conf;")
	if errOut := n.wrote(folder, false, []string{first + " unchanged", second + " unchanged"}); strings.Contains(errOut, "reload") {
		t.Error(errOut)
	}
	n.wrote(folder, false, []string{second + " configured"}, "--archive", two, "--root", "/srv/www")
	// One that cannot be read keeps its file; one that is gone does not.
	if err := os.Rename(two, two+".away"); err != nil {
		t.Fatal(err)
	}
	n.list(two)
	errOut = n.wrote(folder, true, []string{first + " deleted"})
	if !strings.Contains(errOut, "error: opening "+two+": no such file or directory\n") {
		t.Error(errOut)
	}
	n.list()
	n.wrote(folder, false, []string{second + " deleted"})
	good(t, "include "+folder+"/*.conf;")
}

func TestNginxPrints(t *testing.T) {
	n := newNode(t)
	n.configure("{listen: [':5000', '[::1]:5001']}")
	one, again := archivetest.New(t).ISO(t), archivetest.New(t).ISO(t)
	two := archivetest.New(t).WithVersion("2.0.0").ISO(t)
	n.list(one, two)
	out, errOut, err := n.nginx("--root", "/srv/a", "--root", "example-solution-2.0.0=/srv/b")
	if err != nil || !strings.Contains(out, `root "/srv/a/example-solution-1.0.0/images";`) || !strings.Contains(out, `root "/srv/b/images";`) {
		t.Errorf("%v\n%s\n%s", err, out, errOut)
	}
	good(t, "server { listen 127.0.0.1:5000;\n"+out+"}")
	out, errOut, err = n.nginx("--server")
	if err != nil || strings.Count(out, "listen ") != 3 || !strings.HasPrefix(out, "server {\n") {
		t.Errorf("%v\n%s\n%s", err, out, errOut)
	}
	good(t, out)
	// What is wrong with one does not keep the others away.
	n.list(one, again, two)
	out, errOut, err = n.nginx()
	if err == nil || strings.Count(out, "# Made by") != 2 || !strings.Contains(errOut, "error: "+one+" and "+again+" both hold example-solution-1.0.0\n") {
		t.Errorf("%v\n%s\n%s", err, out, errOut)
	}
}

func TestNginxArchiveConfig(t *testing.T) {
	n := newNode(t)
	own := archivetest.New(t).WithFile("registry-config.inc.j2", "# new {{ repository }}\n").WithFile("registry-config.inc", "# old\n").ISO(t)
	old := archivetest.New(t).WithVersion("2.0.0").WithFile("registry-config.inc", "# old {{ registry_root }}\n").ISO(t)
	none := archivetest.New(t).WithVersion("3.0.0").ISO(t)
	bad := archivetest.New(t).WithVersion("4.0.0").WithFile("registry-config.inc.j2", "a\n{% for i in x %}\n").ISO(t)
	n.list(own, old, none, bad)
	out, errOut, err := n.nginx("--use-archive-config", "--root", "/srv")
	if err == nil {
		t.Error("a template that is none is taken")
	}
	for _, want := range []string{"# new example-solution-1.0.0\n", "# old /srv/example-solution-2.0.0/images\n", `location ^~ "/v2/example-solution-3.0.0/" {`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s\nwant %s", out, want)
		}
	}
	for _, want := range []string{
		"warning: example-solution-3.0.0: the archive has no configuration of its own\n",
		"error: configuring " + bad + `: registry-config.inc.j2: line 2 has "{%": only {{ repository }} and {{ registry_root }} are filled in` + "\n",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%s\nwant %s", errOut, want)
		}
	}
	if out, _, err := n.nginx(); err != nil || strings.Contains(out, "# new") {
		t.Errorf("unasked: %v\n%s", err, out)
	}
}

func TestNginxRefuses(t *testing.T) {
	n := newNode(t)
	n.list()
	for _, tt := range []struct {
		registry string
		args     []string
		want     string
	}{
		{"{}", []string{"--root", "srv"}, `error: --root "srv" is neither an absolute path nor ID=FOLDER`},
		{"{}", []string{"--root", "=/srv"}, `error: --root "=/srv" is neither an absolute path nor ID=FOLDER`},
		{"{}", []string{"--root", "/a", "--root", "/b"}, "error: --root has two folders for all archives, /a and /b"},
		{"{}", []string{"--server", "--output", "/a*b"}, `error: --output "/a*b" holds a *, ? or [, by which nginx would include other files`},
		{"{htpasswd: /etc/users}", []string{"--server"}, "error: registry.htpasswd asks for passwords, and --server makes none"},
		{"{listen: ['127.0.0.1:0']}", []string{"--server"}, `error: "127.0.0.1:0" is no address that nginx could listen on`},
		{"{listen: [x]}", nil, "error: reading the helper's configuration "},
		{"{}", []string{"x"}, `error: unknown command "x" for "solution-bootstrap nginx"`},
	} {
		n.configure(tt.registry)
		out, errOut, err := n.nginx(tt.args...)
		if err == nil || out != "" || !strings.HasPrefix(errOut, tt.want) {
			t.Errorf("%q: %v\n%s%s", tt.args, err, out, errOut)
		}
	}
}
