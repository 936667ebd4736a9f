// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/metalk8s/kubectl-solution/test/script"
)

// withHelper runs the tests with the helper as it is released.
type withHelper struct{ m *testing.M }

func (w withHelper) Run() int {
	if err := script.BuildHelper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.m.Run()
}

func TestMain(m *testing.M) {
	programs := script.Programs()
	programs["breaking-proxy"] = breakingProxy
	testscript.Main(withHelper{m}, programs)
}

func TestScripts(t *testing.T) {
	checkout := newCheckout(t)
	deadline, _ := t.Deadline()
	testscript.RunT(script.InTurn{T: t}, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              checkout.setup,
		RequireUniqueNames: true,
		Deadline:           deadline,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers":       answersCommand,
			"ask":           askCommand,
			"asked":         askedCommand,
			"capture":       script.Capture,
			"ctr":           ctrCommand,
			"hosts":         hostsCommand,
			"left":          leftCommand,
			"logged":        loggedCommand,
			"node":          nodeCommand,
			"objects":       objectsCommand,
			"printed-hosts": printedHostsCommand,
			"proxy":         proxyCommand,
			"pull":          pullCommand,
			"pulled":        pulledCommand,
			"registry":      registryCommand,
			"start":         startCommand,
			"stop":          stopCommand,
		},
	})
}

// scriptKey finds a script's scriptState.
type scriptKey struct{}

// scriptState is what the commands of one script remember.
type scriptState struct {
	node       *node
	registries map[string]string // name to host:port
	objects    map[string]bool
	asking     *asking
}

func state(ts *testscript.TestScript) *scriptState {
	s, ok := ts.Value(scriptKey{}).(*scriptState)
	if !ok {
		ts.Fatalf("the script has no state")
	}
	return s
}

// setup gives a script a node of its own: nothing has been pulled there yet.
func (c checkout) setup(env *testscript.Env) error {
	t, ok := env.T().(script.InTurn)
	if !ok {
		return fmt.Errorf("a script runs in %T", env.T())
	}
	n := startNode(t.T, c)
	env.Values[scriptKey{}] = &scriptState{node: n, registries: map[string]string{}}
	for variable, value := range map[string]string{
		"PATH":                      n.bin() + string(os.PathListSeparator) + env.Getenv("PATH"),
		"HOME":                      env.WorkDir,
		"KUBECONFIG":                n.kubeconfig(),
		"SOLUTION_BOOTSTRAP_CONFIG": filepath.Join(env.WorkDir, "one.yaml"),
		"ADDRESS":                   n.address,
		"ENDPOINT":                  "bootstrap.example.invalid:5000",
		"EXAMPLES":                  c.path("examples", "example-solution"),
		"ONE":                       c.archive("1.0.0"),
		"TWO":                       c.archive("2.0.0"),
	} {
		env.Setenv(variable, value)
	}
	return nil
}
