// SPDX-License-Identifier: Apache-2.0

// Package need is for tests that need more of a machine than Go: where that is
// missing they are skipped, and say so; where the environment has CI=true they
// fail, since nothing may be missing there.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Missing ends a test for want of something.
func Missing(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("missing, and CI=true: "+format, args...)
	}
	tb.Skipf("SKIPPED, NOTHING TESTED, for want of: "+format, args...)
}

// Program returns the path of a program, one of those that `make packages`
// installs.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	// Debian has some where only root looks.
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	Missing(tb, "%s (make packages)", name)
	return ""
}

// Root is for a test that only root can run.
func Root(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Missing(tb, "root")
	}
}
