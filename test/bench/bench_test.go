// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalk8s/kubectl-solution/test/need"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == clientArgument {
		exit(runClient(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// A run on few bytes: every contender starts, every digest is checked, and every
// row has its figures. What they are does not matter here.
func TestRun(t *testing.T) {
	for _, tool := range []string{"nginx", "docker-registry", "wrk", "skopeo", "xorriso"} {
		need.Program(t, tool)
	}
	helper := filepath.Join(t.TempDir(), "solution-bootstrap")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", helper, "../../cmd/solution-bootstrap").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	var table bytes.Buffer
	o := options{helper: helper, dir: dir, mib: 8, rounds: 1, seconds: 1, archives: 2}
	if err := run(t.Context(), o, &table); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &table)
	if rows := strings.Count(table.String(), "\n"); rows != 23 {
		t.Errorf("%d lines", rows)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, -1}, {[]float64{3}, 3}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
	if got := median(ratios([]float64{1, 6, 9}, []float64{2, 2, 3})); got != 3 {
		t.Errorf("of ratios: %v", got)
	}
}
