// SPDX-License-Identifier: Apache-2.0

// Mute is a helper that can be installed, and then does not answer.
package main

import (
	"fmt"
	"os"
	"slices"
)

func main() {
	switch {
	case slices.Contains(os.Args, "--version"):
		fmt.Println("solution-bootstrap version mute")
	case os.Args[1] != "install":
		os.Exit(1)
	}
}
