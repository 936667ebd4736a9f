// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/metalk8s/kubectl-solution/test/apiserver"
	"github.com/metalk8s/kubectl-solution/test/script"
)

// update is -update: what scripts compare with files of theirs is written there.
var update = flag.Bool("update", false, "write the output of commands into the scripts that compare with it")

// withServer runs the tests with one API server, that of apiserver.Need, and with
// the helper as it is released.
type withServer struct{ m *testing.M }

func (w withServer) Run() int {
	if err := script.BuildHelper(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return apiserver.Main(w.m)
}

func TestMain(m *testing.M) {
	programs := script.Programs()
	programs["gated-bootstrap"] = gatedHelper
	testscript.Main(withServer{m}, programs)
}

func TestScripts(t *testing.T) {
	c := newCluster(t)
	deadline, _ := t.Deadline()
	testscript.RunT(script.InTurn{T: t}, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              c.setup,
		RequireUniqueNames: true,
		UpdateScripts:      *update,
		Deadline:           deadline,
		Condition:          c.condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"archive":        archiveCommand,
			"capture":        script.Capture,
			"corrupt":        corruptCommand,
			"freeport":       freePortCommand,
			"holds":          c.holdsCommand,
			"inside":         insideCommand,
			"kubectl":        kubectlCommand,
			"manifests":      manifestsCommand,
			"may":            c.mayCommand,
			"namespace":      namespaceCommand,
			"operatorconfig": c.operatorConfigCommand,
			"pod":            c.podCommand,
			"restored":       c.restoredCommand,
			"snapshot":       c.snapshotCommand,
			"sshd":           sshdCommand,
			"unchanged":      c.unchangedCommand,
		},
	})
}

// condition is one that scripts may have: [controllers] run, so that namespaces
// that are deleted go; [mounts] can be made; [ci], where nothing may be left
// untested.
func (c *testCluster) condition(name string) (bool, error) {
	switch name {
	case "controllers":
		return c.server.HasControllers, nil
	case "mounts":
		return canMount(), nil
	case "ci":
		return os.Getenv("CI") == "true", nil
	}
	return false, fmt.Errorf("there is no condition %s", name)
}

// setup gives a script a bootstrap node, which is the folder $WORK/node, and a
// cluster without Solutions.
func (c *testCluster) setup(env *testscript.Env) error {
	t, ok := env.T().(script.InTurn)
	if !ok {
		return fmt.Errorf("a script runs in %T", env.T())
	}
	c.clean(t.T)
	env.Values[testKey{}] = t.T
	env.Values[scriptKey{}] = &scriptState{}
	if err := c.findPrograms(t.T, env); err != nil {
		return err
	}
	env.Setenv("HOME", env.WorkDir)
	kubeconfig, err := os.ReadFile(c.server.Kubeconfig)
	if err != nil {
		return err
	}
	config := fmt.Sprintf("root: %s/node\nregistry:\n  endpoint: registry.test:5000\n", env.WorkDir)
	for _, f := range []struct{ variable, name, text string }{
		{"KUBECONFIG", "admin.kubeconfig", string(kubeconfig)},
		{"SOLUTION_BOOTSTRAP_CONFIG", "solution-bootstrap.yaml", config},
	} {
		path := filepath.Join(env.WorkDir, f.name)
		env.Setenv(f.variable, path)
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// findPrograms puts the server's kubectl on the PATH, where testscript.Main has
// put our programs, whose folder is $PROGRAMS. $REPOSITORY is this checkout.
func (c *testCluster) findPrograms(t *testing.T, env *testscript.Env) error {
	kubectl := c.server.Kubectl
	if kubectl == "" {
		var err error
		if kubectl, err = exec.LookPath("kubectl"); err != nil {
			t.Skipf("NOT TESTED: there is no kubectl: %v", err)
		}
	}
	program, err := exec.LookPath("kubectl-solution")
	if err != nil {
		return err
	}
	repository, err := filepath.Abs(filepath.Join("..", ".."))
	env.Setenv("PATH", filepath.Dir(kubectl)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("PROGRAMS", filepath.Dir(program))
	env.Setenv("REPOSITORY", repository)
	return err
}

// testKey finds the script's *testing.T, and scriptKey its scriptState.
type (
	testKey   struct{}
	scriptKey struct{}
)
