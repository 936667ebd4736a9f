// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is where solution-bootstrap is built, once for all tests.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// program returns the path of solution-bootstrap as it is installed: it starts
// itself, and is called by another name.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		// It outlasts the test.
		if built.folder, built.err = os.MkdirTemp("", "program"); built.err != nil { //nolint:usetesting // see above
			return
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-o", built.folder, "../../../cmd/solution-bootstrap")
		build.Env = append(build.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.folder, "solution-bootstrap")
}

func removeProgram() {
	if built.folder != "" {
		_ = os.RemoveAll(built.folder) // litter is no reason to fail
	}
}
