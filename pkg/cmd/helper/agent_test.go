// SPDX-License-Identifier: Apache-2.0

package helper_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/solutionsconfig"
)

// An agent whose client is gone, as sshd, a terminal or a pipe tells it, ends
// by itself and changes nothing.
func TestAgentEnds(t *testing.T) {
	for name, end := range map[string]func(*exec.Cmd, io.Closer) error{
		"SIGHUP":        func(c *exec.Cmd, _ io.Closer) error { return c.Process.Signal(syscall.SIGHUP) },
		"SIGTERM":       func(c *exec.Cmd, _ io.Closer) error { return c.Process.Signal(syscall.SIGTERM) },
		"a broken pipe": func(_ *exec.Cmd, out io.Closer) error { return out.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.ask(`{"protocol":1,"import":{"archives":["` + archivetest.New(t).ISO(t) + `"]}}`)
			file := solutionsconfig.File{Path: filepath.Join(filepath.Dir(n.config), "etc", "metalk8s", "solutions.yaml")}
			before, err := os.ReadFile(file.Path)
			if err != nil {
				t.Fatal(err)
			}
			unlock, err := file.Lock(t.Context(), "the test")
			if err != nil {
				t.Fatal(err)
			}
			cmd := n.command("agent")
			cmd.Stdin = strings.NewReader(`{"protocol":1,"activate":{"name":"example-solution"}}` + "\n")
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			waitFor(t, out, "waiting for the test")
			if err := end(cmd, out); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() < 0 {
				t.Errorf("it has not ended by itself, with an error: %v", err)
			}
			if err := unlock(); err != nil {
				t.Fatal(err)
			}
			if after, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(after, before) {
				t.Errorf("%v, %s", err, after)
			}
		})
	}
}

// waitFor reads until there is what is wanted.
func waitFor(t *testing.T, r io.Reader, want string) {
	t.Helper()
	var all []byte
	for part := make([]byte, 4096); !bytes.Contains(all, []byte(want)); {
		n, err := r.Read(part)
		if err != nil {
			t.Fatalf("%v after %s", err, all)
		}
		all = append(all, part[:n]...)
	}
}
