// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// checkout is the folder of the repository.
type checkout string

// newCheckout finds it, and says what is missing to run a node and these tests:
// then they are skipped, and fail in CI.
func newCheckout(t *testing.T) checkout {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	c := checkout(root)
	out, err := c.node(t.Context(), "check").CombinedOutput()
	missing := string(out)
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if _, statErr := os.Stat(c.archive(version)); statErr != nil {
			err = statErr
			missing += fmt.Sprintf("node: missing: %s (make examples)\n", c.archive(version))
		}
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("no node to test on:\n%s", missing)
	default:
		fmt.Fprintf(os.Stderr, "\nNOT TESTED: no node to test on:\n%s\n", missing)
		t.Skip("no node to test on")
	}
	return c
}

func (c checkout) path(elem ...string) string {
	return filepath.Join(append([]string{string(c)}, elem...)...)
}

// archive returns the path of a version of the sample Solution.
func (c checkout) archive(version string) string {
	return c.path("bin", "examples", "example-solution-"+version+".iso")
}

// node returns a command of hack/node.sh.
func (c checkout) node(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, c.path("hack", "node.sh"), args...)
}
