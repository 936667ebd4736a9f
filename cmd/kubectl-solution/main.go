// SPDX-License-Identifier: Apache-2.0

// Kubectl-solution is the plugin that kubectl runs as `kubectl solution`.
package main

import (
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
)

// version is set when the program is linked.
var version = "dev"

func main() {
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(cli.Execute(solution.NewCommand(streams, version)))
}
