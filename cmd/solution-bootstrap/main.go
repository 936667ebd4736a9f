// SPDX-License-Identifier: Apache-2.0

// Solution-bootstrap is the helper on the bootstrap node.
package main

import (
	"os"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/helper"
)

// version is set when the program is linked.
var version = "dev"

func main() {
	os.Exit(cli.Execute(helper.NewProgram(os.Args[0], os.Stdin, os.Stdout, os.Stderr, version)))
}
