// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The package computes: it has no context, clock, I/O or client.
func TestImports(t *testing.T) {
	allowed := []string{
		"k8s.io/api/", "k8s.io/apimachinery/", "github.com/metalk8s/kubectl-solution/pkg/api/",
	}
	impure := []string{
		"bufio", "context", "crypto/rand", "io", "log", "math/rand", "net", "os", "plugin", "sync", "syscall", "testing", "time", "unsafe",
	}
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			host, _, _ := strings.Cut(name, "/")
			// Standard packages have no dot in their first part.
			ok := !strings.Contains(host, ".")
			for _, prefix := range impure {
				ok = ok && name != prefix && !strings.HasPrefix(name, prefix+"/")
			}
			for _, prefix := range allowed {
				ok = ok || strings.HasPrefix(name, prefix)
			}
			if !ok {
				t.Errorf("%s imports %s", path, name)
			}
		}
	}
}
