// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/bootstrap"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/environment"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
)

// version is what the programs say theirs is, in these tests.
const version = "test"

func TestMain(m *testing.M) {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	testscript.Main(m, map[string]func(){
		"kubectl-solution":    func() { os.Exit(cli.Execute(solution.NewCommand(streams, version))) },
		"kubectl-environment": func() { os.Exit(cli.Execute(environment.NewCommand(streams, version))) },
		"solution-bootstrap": func() {
			os.Exit(cli.Execute(bootstrap.NewCommand(os.Stdin, os.Stdout, os.Stderr, version)))
		},
		"breaking-proxy": breakingProxy,
	})
}

// inTurn runs scripts one after the other: the machine has enough to do with one
// node.
type inTurn struct{ *testing.T }

func (t inTurn) Parallel()     {}
func (t inTurn) Verbose() bool { return testing.Verbose() }
func (t inTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(inTurn{t}) })
}

func TestScripts(t *testing.T) {
	checkout := newCheckout(t)
	deadline, _ := t.Deadline()
	testscript.RunT(inTurn{t}, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              checkout.setup,
		RequireUniqueNames: true,
		Deadline:           deadline,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers":  answersCommand,
			"ask":      askCommand,
			"asked":    askedCommand,
			"capture":  captureCommand,
			"ctr":      ctrCommand,
			"helper":   helperCommand,
			"hosts":    hostsCommand,
			"left":     leftCommand,
			"logged":   loggedCommand,
			"node":     nodeCommand,
			"objects":  objectsCommand,
			"proxy":    proxyCommand,
			"pull":     pullCommand,
			"pulled":   pulledCommand,
			"registry": registryCommand,
			"start":    startCommand,
			"stop":     stopCommand,
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
	t, ok := env.T().(inTurn)
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

func captureCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
