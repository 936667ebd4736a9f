// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runnerPackages are those that may know which Runner they have. All others ask
// the functions of pkg/remote what it can do.
var runnerPackages = []string{"pkg/remote/", "pkg/podexec/"}

// runnerAssertion is a type assertion, or a case of a type switch, on a Runner.
var runnerAssertion = regexp.MustCompile(`\.\(\*?(?:remote|podexec)\.|\bcase\b.*\b(?:remote\.(?:Local|SSH|Shell|Runner)|podexec\.Runner)\b`)

func TestNobodyAsksWhichRunner(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		name, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		for _, folder := range runnerPackages {
			if strings.HasPrefix(name, folder) {
				return nil
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for i, line := range bytes.Split(data, []byte("\n")) {
			if runnerAssertion.Match(line) {
				t.Errorf("%s:%d asks which Runner it is: %s", name, i+1, bytes.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}
