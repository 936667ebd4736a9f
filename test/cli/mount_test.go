// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// canMount is the condition [mounts]: root in a namespace of its own, where
// there is FUSE.
func canMount() bool {
	_, err := os.Stat("/dev/fuse")
	return err == nil && os.Geteuid() == 0 && exec.Command("unshare", "--mount", "--pid", "--fork", "true").Run() == nil //nolint:noctx // it ends at once
}

// namespaceCommand makes the namespaces that insideCommand enters. They end
// with the script, and with them what was mounted and whoever serves it.
func namespaceCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: namespace")
	}
	keeper := exec.CommandContext(context.Background(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", "infinity")
	ts.Check(keeper.Start())
	ts.Defer(func() {
		_ = keeper.Process.Kill()
		_ = keeper.Wait()
	})
	id, err := firstProcess(keeper.Process.Pid)
	ts.Check(err)
	state(ts).namespace = id
}

// firstProcess waits until unshare has started its child.
func firstProcess(unshare int) (string, error) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", unshare))
		if err != nil {
			return "", err
		}
		if id := strings.TrimSpace(string(text)); id != "" {
			// Once it is sleep, /proc is mounted.
			line, err := os.ReadFile("/proc/" + id + "/cmdline")
			if err == nil && bytes.HasPrefix(line, []byte("sleep\x00")) {
				return id, nil
			}
		}
		if time.Now().After(deadline) {
			return "", errors.New("unshare has not started anything")
		}
	}
}

// insideCommand runs a program in the namespaces of namespaceCommand.
func insideCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || state(ts).namespace == "" {
		ts.Fatalf("usage: inside PROGRAM [ARG...], after namespace")
	}
	enter := []string{"--target=" + state(ts).namespace, "--mount", "--pid", "--wdns=" + ts.MkAbs("."), "--"}
	err := ts.Exec("nsenter", append(enter, args...)...)
	if neg != (err != nil) {
		ts.Fatalf("%s: %v", args[0], err)
	}
}
