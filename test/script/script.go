// SPDX-License-Identifier: Apache-2.0

// Package script has what all tests need whose scripts run the programs.
package script

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/environment"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// Version is what the programs say theirs is.
const Version = "test"

// Programs returns the three programs, for testscript.Main: a test binary is
// them, where it is called by their names.
func Programs() map[string]func() {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	helper := func() {
		os.Exit(cli.Execute(helper.NewProgram(os.Args[0], os.Stdin, os.Stdout, os.Stderr, Version)))
	}
	return map[string]func(){
		"kubectl-solution":    func() { os.Exit(cli.Execute(solution.NewCommand(streams, Version))) },
		"kubectl-environment": func() { os.Exit(cli.Execute(environment.NewCommand(streams, Version))) },
		"solution-bootstrap":  helper,
		// As which solution-bootstrap starts itself.
		mount.HelperName: helper,
	}
}

// BuildHelper puts the real helper, as make build makes it, in the place of the
// test binary that is called solution-bootstrap. Commands start the helper several
// times each, and it is there in a fifth of the time: it has no part of Kubernetes
// in it. For a main test that testscript.Main runs.
func BuildHelper() error {
	program, err := exec.LookPath("solution-bootstrap")
	if err != nil {
		return err
	}
	const source = "github.com/metalk8s/kubectl-solution/cmd/solution-bootstrap"
	built := filepath.Join(filepath.Dir(program), ".helper")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w -X main.version="+Version, "-o", built, source) //nolint:noctx // it ends by itself
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the helper: %w\n%s", err, out)
	}
	return os.Rename(built, program)
}

// InTurn runs scripts one after the other: there is one cluster, and the machine
// has enough to do with one.
type InTurn struct{ *testing.T }

// Parallel does nothing.
func (t InTurn) Parallel() {}

// Verbose tells whether the tests are.
func (t InTurn) Verbose() bool { return testing.Verbose() }

// Run runs one script.
func (t InTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(InTurn{t}) })
}

// Capture is a command of scripts: capture NAME sets an environment variable to
// what the last command has printed.
func Capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
