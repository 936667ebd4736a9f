// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scale_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/test/apiserver"
)

// environments and solutions are how many there are; SCALE_ENVIRONMENTS sets the
// first.
const (
	environments    = 1000
	envEnvironments = "SCALE_ENVIRONMENTS"
	solutions       = 20
	rounds          = 5
)

// world is a cluster and a bootstrap node.
type world struct {
	b      *testing.B
	server *apiserver.Server
	dir    string
}

// outcome is what a run of a program took.
type outcome struct {
	wall   time.Duration
	lines  int
	rssMiB float64
}

func newWorld(b *testing.B) *world {
	b.Helper()
	server, err := apiserver.Start(b.Context(), apiserver.WithAuditReads())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop() })
	w := &world{b: b, server: server, dir: b.TempDir()}
	w.write("node/etc/metalk8s/.keep", "")
	w.write("helper.yaml", fmt.Sprintf("root: %s\nregistry:\n  endpoint: registry.example:5000\n", filepath.Join(w.dir, "node")))
	return w
}

func (w *world) write(name, text string) string {
	w.b.Helper()
	path := filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		w.b.Fatal(err)
	}
	return path
}

// run runs a program of bin/, or kubectl.
func (w *world) run(program string, args ...string) outcome {
	w.b.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		w.b.Fatal(err)
	}
	path := filepath.Join(bin, program)
	if program == "kubectl" {
		path = w.server.Kubectl
	}
	cmd := exec.CommandContext(w.b.Context(), path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.server.Kubeconfig, "PATH="+bin+":"+os.Getenv("PATH"),
		"SOLUTION_BOOTSTRAP_CONFIG="+filepath.Join(w.dir, "helper.yaml"), "HOME="+w.dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		w.b.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, &stdout, &stderr)
	}
	o := outcome{wall: time.Since(began), lines: strings.Count(stdout.String(), "\n")}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.rssMiB = float64(usage.Maxrss) / 1024
	}
	return o
}

// requests counts the requests of a program since a mark.
func (w *world) requests(since apiserver.Mark, agent string) int {
	w.b.Helper()
	n, err := w.server.Requests(w.b.Context(), since, apiserver.Client{Agent: agent})
	if err != nil {
		w.b.Fatal(err)
	}
	return n
}

func (w *world) mark() apiserver.Mark {
	w.b.Helper()
	mark, err := w.server.Mark()
	if err != nil {
		w.b.Fatal(err)
	}
	return mark
}

// planned returns the objects that a plan would apply.
func (w *world) planned(args ...string) []map[string]any {
	w.b.Helper()
	bin, err := filepath.Abs("../../bin/kubectl-environment")
	if err != nil {
		w.b.Fatal(err)
	}
	cmd := exec.CommandContext(w.b.Context(), bin, append(args, "--dry-run=client", "-o", "json")...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+w.server.Kubeconfig, "HOME="+w.dir)
	out, err := cmd.Output()
	if err != nil {
		w.b.Fatalf("%v: %v", args, err)
	}
	var result struct {
		Plan struct {
			Changes []struct {
				Manifest map[string]any `json:"manifest"`
				Method   string         `json:"method"`
			} `json:"changes"`
		} `json:"plan"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		w.b.Fatal(err)
	}
	var objects []map[string]any
	for _, c := range result.Plan.Changes {
		if c.Manifest != nil && c.Method != "put" {
			objects = append(objects, c.Manifest)
		}
	}
	return objects
}

// list writes objects to a file for kubectl.
func (w *world) list(name string, objects []map[string]any) string {
	w.b.Helper()
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		w.b.Fatal(err)
	}
	return w.write(name, string(data))
}

func median(values []time.Duration) time.Duration {
	slices.Sort(values)
	return values[len(values)/2]
}

func numberOf(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// report prints a measured value beside its goal.
func report(b *testing.B, value float64, unit string) {
	b.Helper()
	b.ReportMetric(value, unit)
}
