// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// runHere runs a command that needs neither a cluster nor a bootstrap node.
func runHere(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	cmd := NewCommand(streams, "")
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

const dangerousRoles = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sneaky, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: ["*"]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate]}
- {apiGroups: [example-solution.example.com], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: good}
rules: [{apiGroups: [""], resources: [pods], verbs: [watch, get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: bad}
rules: [{apiGroups: [""], resources: [pods], verbs: get}]
`

// Whoever decides about an archive sees what its roles allow.
func TestInspectShowsRights(t *testing.T) {
	iso := archivetest.New(t).WithFile("operator/deploy/role.yaml", dangerousRoles).ISO(t)
	stdout, stderr, err := runHere(t, "inspect", iso)
	if err != nil {
		t.Fatal(err)
	}
	_, roles, _ := strings.Cut(stdout, "Roles:")
	var got []string
	for line := range strings.Lines(roles) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"3",
		"sneaky ClusterRole",
		"every verb (*): every resource (*) of every API group (*); every resource (*) of example-solution.example.com",
		"escalate: roles of rbac.authorization.k8s.io",
		"DANGEROUS: every verb (*) on every resource (*) of every API group (*), including escalate, bind, impersonate, access to Secrets",
		"DANGEROUS: escalate on roles of rbac.authorization.k8s.io: can write roles that allow more than it may do itself",
		"good Role",
		"get, watch: pods",
		"bad Role",
		`invalid: rules[0].verbs must be a list, not "get"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	for _, part := range []string{`ClusterRole "sneaky": escalate on `, `ClusterRole "sneaky" is deployed without label `, `Role "bad": rules[0].verbs `} {
		if strings.Count(stderr, "warning: operator/deploy/role.yaml: "+part) != 1 {
			t.Errorf("no warning %q:\n%s", part, stderr)
		}
	}
}

func TestCheckNamesDangers(t *testing.T) {
	role := func(text string) string {
		return archivetest.New(t).WithFile("operator/deploy/role.yaml", text).ISO(t)
	}
	sneaky, _, _ := strings.Cut(dangerousRoles, "---")
	stdout, _, err := runHere(t, "check", role(sneaky))
	if err != nil || strings.Count(stdout, "\nwarning    role-dangerous ") != 2 || strings.Count(stdout, "\nwarning    role-aggregation ") != 1 {
		t.Errorf("%v:\n%s", err, stdout)
	}
	stdout, _, err = runHere(t, "check", role(strings.Replace(sneaky, "name: sneaky", `name: "system:node"`, 1)))
	if err == nil || !strings.Contains(stdout, "\nerror      role-reserved-name   prepare ") {
		t.Errorf("%v:\n%s", err, stdout)
	}
}
