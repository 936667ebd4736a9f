// SPDX-License-Identifier: Apache-2.0

// Package test holds what is tested of the repository as a whole.
package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/metalk8s/kubectl-solution/"

// tiers are the packages, in the order in which they may be built upon: one may
// import those of earlier tiers only. A "*" at the end stands for one more part
// of the path. Package hint may be imported by all.
var tiers = [][]string{
	{"pkg/api/*", "pkg/atomicfile"},
	{"pkg/htpasswd", "pkg/iso9660", "pkg/remote", "pkg/solutionsconfig", "pkg/containerd", "pkg/program", "pkg/systemd", "pkg/verified"},
	{"pkg/archive", "pkg/plan", "pkg/crdcheck", "pkg/mount"},
	{"pkg/apply", "pkg/helper/config"},
	{"pkg/helper/protocol"},
	{"pkg/registry", "pkg/cluster", "pkg/helper/*", "pkg/printers", "pkg/podexec", "pkg/isofuse"},
	{"pkg/registry/nginx", "pkg/service", "pkg/provision"},
	{"pkg/installer", "pkg/service/*"},
	{"pkg/action"},
	{"pkg/cmd/cli"},
	{"pkg/cmd/util"},
	{"pkg/cmd/solution/*"},
	{"pkg/cmd/*"},
	{"cmd/*"},
}

const (
	hintPackage = "pkg/hint"
	// testHelper is for tests, and no part of a program.
	testHelper = "pkg/archive/archivetest"
)

// forbidden are imports that a package must not have: itself, or with deep
// through what it imports.
var forbidden = []struct {
	packages []string
	imports  []string
	deep     bool
}{
	{[]string{"pkg/iso9660", "pkg/remote", "pkg/containerd", "pkg/archive", "pkg/registry", "pkg/registry/nginx", "pkg/helper/*", "pkg/mount", "pkg/isofuse", "pkg/service", "pkg/service/*", "pkg/installer", "pkg/cmd/helper", "pkg/cmd/cli", "cmd/solution-bootstrap"}, []string{"k8s.io/client-go"}, true},
	{[]string{"pkg/crdcheck"}, []string{"k8s.io/client-go", module + "pkg"}, true},
	// It reads nothing, and no clock.
	{[]string{"pkg/crdcheck"}, []string{"os", "io", "net", "time", "context"}, false},
	{[]string{"pkg/apply"}, []string{module + "pkg/cluster", module + "pkg/archive"}, true},
	{[]string{"pkg/cmd/cli"}, []string{module + "pkg/cluster"}, true},
	// Operations return values: printing them is for commands and the page.
	{[]string{"pkg/action"}, []string{module + "pkg/printers", module + "pkg/cmd", "k8s.io/cli-runtime", "k8s.io/kubectl"}, true},
	// Only the helper mounts.
	{[]string{"pkg/helper/*", "pkg/cmd/solution", "pkg/cmd/solution/*", "pkg/cmd/environment", "cmd/kubectl-solution", "cmd/kubectl-environment"}, []string{"github.com/hanwen/go-fuse", module + "pkg/isofuse"}, true},
	{[]string{"pkg/*", "pkg/api/*", "pkg/helper/*", "pkg/registry/*", "pkg/service/*"}, []string{"github.com/spf13/cobra"}, false},
	{[]string{"pkg/*", "pkg/api/*", "pkg/helper/*", "pkg/registry/*", "pkg/service/*", "pkg/cmd/*", "pkg/cmd/solution/*", "cmd/*"}, []string{"testing", module + "test", module + testHelper}, false},
}

// planImports are all that pkg/plan imports, besides the standard library: a
// test of its own says which parts of that.
var planImports = []string{module + "pkg/api", "k8s.io/apimachinery", "k8s.io/api"}

// goPackage is what `go list` tells of a package.
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./pkg/...", "./cmd/...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var list []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("reading what go list says: %v", err)
		}
		// A folder of tests only, as pkg/cmd is.
		if len(p.Imports) > 0 {
			list = append(list, p)
		}
	}
	if len(list) < 10 {
		t.Fatalf("go list knows of %d packages only", len(list))
	}
	return list
}

// matches tells whether a package is one that pattern stands for.
func matches(pattern, name string) bool {
	prefix, found := strings.CutSuffix(pattern, "*")
	if !found {
		return pattern == name
	}
	rest, found := strings.CutPrefix(name, prefix)
	return found && rest != "" && !strings.Contains(rest, "/")
}

// isUnder tells whether path is folder or in it.
func isUnder(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// tierOf prefers the pattern that names a package.
func tierOf(name string) (int, bool) {
	star := -1
	for i, tier := range tiers {
		for _, pattern := range tier {
			if pattern == name {
				return i, true
			}
			if star < 0 && matches(pattern, name) {
				star = i
			}
		}
	}
	return star, star >= 0
}

func TestTiers(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.name() == testHelper {
			continue
		}
		own, known := tierOf(p.name())
		if !known && p.name() != hintPackage {
			t.Errorf("%s is in no tier: add it to this test, and to the design", p.name())
			continue
		}
		for _, path := range p.Imports {
			other, isOurs := strings.CutPrefix(path, module)
			if !isOurs || (other == hintPackage && p.name() != hintPackage) {
				continue
			}
			if tier, _ := tierOf(other); p.name() == hintPackage || tier >= own {
				t.Errorf("%s (tier %d) imports %s (tier %d), and may import earlier ones only", p.name(), own, other, tier)
			}
		}
	}
}

// TestTableOfPackages compares the table in docs/architecture.md with the
// packages that there are.
func TestTableOfPackages(t *testing.T) {
	data, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`pkg/.*?) \\|").FindAllSubmatch(data, -1) {
		for _, name := range strings.Split(string(row[1]), ", ") {
			listed[strings.Trim(name, "`")] = true
		}
	}
	for _, p := range listPackages(t) {
		if strings.HasPrefix(p.name(), "pkg/") && p.name() != testHelper && !listed[p.name()] {
			t.Errorf("docs/architecture.md does not list %s", p.name())
		}
		delete(listed, p.name())
	}
	for name := range listed {
		t.Errorf("docs/architecture.md lists %s, which does not exist", name)
	}
}

func TestForbiddenImports(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, rule := range forbidden {
			if p.name() == testHelper || !slices.ContainsFunc(rule.packages, func(pattern string) bool { return matches(pattern, p.name()) }) {
				continue
			}
			imports, how := p.Imports, "imports"
			if rule.deep {
				imports, how = p.Deps, "depends on"
			}
			for _, path := range imports {
				for _, folder := range rule.imports {
					if isUnder(path, folder) {
						t.Errorf("%s %s %s", p.name(), how, path)
					}
				}
			}
		}
	}
}

func TestPlanIsPure(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.name() != "pkg/plan" {
			continue
		}
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			allowed := !strings.Contains(first, ".") // the standard library
			for _, folder := range planImports {
				allowed = allowed || isUnder(path, folder)
			}
			if !allowed {
				t.Errorf("pkg/plan imports %s", path)
			}
		}
		return
	}
	t.Error("there is no pkg/plan")
}
