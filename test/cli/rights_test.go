// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rightsUsers are the users of the table in docs/rights.md, in its order, as
// flags of kubectl.
var rightsUsers = map[string][]string{
	"cluster administrator":             nil,
	"application team":                  {"--as=team"},
	"team without `solutions:deployer`": {"--as=half"},
	"viewer":                            {"--as=viewer"},
	"nobody":                            {"--as=nobody"},
}

const rightsSetup = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: solution-reader, namespace: metalk8s-solutions}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: solution-reader, namespace: metalk8s-solutions}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: solution-reader}
subjects: [{kind: User, name: team}, {kind: User, name: half}, {kind: User, name: viewer}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admin, namespace: own}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: User, name: team}, {kind: User, name: half}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: own}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "solutions:deployer"}
subjects: [{kind: User, name: team}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: view, namespace: own}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: viewer}]
`

// TestRights runs the commands of the table in docs/rights.md as each of its
// users. What changes something is a dry run by the server, which checks rights
// as the change itself does.
func TestRights(t *testing.T) {
	f := newFaulty(t, newCluster(t))
	f.configure(64)
	two := filepath.Join(f.dir, "two.iso")
	f.solution("import", two)
	for _, args := range [][]string{
		{"create", "shared", "--namespace", "own"},
		{"create", "shared", "--namespace", "other"},
		{"add-solution", "shared", "--namespace", "own", "--solution", "example-solution", "--version", "1.0.0", "--wait=false"},
	} {
		f.complete(killCommand{name: args[0], program: "kubectl-environment", args: args})
	}
	f.kubectlApply(rightsSetup)
	words := strings.NewReplacer("ARCHIVE", two, "SOLUTION", "example-solution", "ENVIRONMENT", "shared", "OWN", "own", "OTHER", "other", "NEW", "new")
	rows := tableOf(t, "../../docs/rights.md", "| command |")
	for _, row := range rows[1:] {
		command := strings.Fields(words.Replace(strings.Trim(row[0], "`")))
		for i, want := range row[1:] {
			flags, known := rightsUsers[rows[0][i+1]]
			if !known || want != "yes" && want != "no" {
				t.Fatalf("docs/rights.md: column %q has %q", rows[0][i+1], want)
			}
			may, output := f.may(command, flags)
			if may != (want == "yes") {
				t.Errorf("%s: %s: docs/rights.md says %s:\n%s", rows[0][i+1], strings.Join(command, " "), want, output)
			}
		}
	}
}

// may reports whether a user may do what a command does.
func (f *faulty) may(command, user []string) (bool, string) {
	f.t.Helper()
	args := append([]string{}, command[2:]...)
	switch command[2] {
	case "get":
	case "add-solution":
		args = append(args, "--solution", "example-solution", "--version", "2.0.0", "--dry-run=server")
	case "delete-solution":
		args = append(args, "--solution", "example-solution", "--dry-run=server")
	default:
		args = append(args, "--dry-run=server")
	}
	if command[2] == "prepare" {
		f.edit("2.0.0") // else there is nothing to do
		defer f.edit("1.0.0")
	}
	cmd, out := f.command(killCommand{program: "kubectl-" + command[1], args: append(args, user...)})
	return cmd.Run() == nil, out.String()
}

// edit changes which version Environment shared wants in namespace own.
func (f *faulty) edit(version string) {
	f.t.Helper()
	f.kubectl("", "patch", "configmap", "metalk8s-environment", "--namespace", "own", "--type", "merge",
		"--patch", `{"data": {"example-solution": "`+version+`"}}`)
}

func (f *faulty) kubectlApply(text string) { f.t.Helper(); f.kubectl(text, "apply", "--filename", "-") }

func (f *faulty) kubectl(stdin string, args ...string) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), f.cluster.server.Kubectl, append(args, "--kubeconfig", f.cluster.server.Kubeconfig)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// tableOf returns the cells of the table in a Markdown file whose first line
// begins so: the headings, and the rows.
func tableOf(t *testing.T, path, begin string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(data)) {
		isRow := strings.HasPrefix(line, begin) || len(rows) > 0 && strings.HasPrefix(line, "|")
		if len(rows) > 0 && !isRow {
			break
		}
		if !isRow || strings.HasPrefix(line, "|---") {
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 2 {
		t.Fatalf("%s has no table that begins with %q", path, begin)
	}
	return rows
}
