// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// objects lists every object of the cluster as "kind namespace/name", except for
// those that tell of what happens: events, and leases.
func (n *node) objects() (map[string]bool, error) {
	kinds, err := n.kubectl("api-resources", "--verbs=list", "--output=name")
	if err != nil {
		return nil, err
	}
	kinds = slices.DeleteFunc(kinds, func(kind string) bool {
		return strings.HasPrefix(kind, "events") || strings.HasPrefix(kind, "leases.") || kind == "componentstatuses"
	})
	lines, err := n.kubectl("get", strings.Join(kinds, ","), "--all-namespaces", "--no-headers",
		"--output=custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name")
	if err != nil {
		return nil, err
	}
	objects := map[string]bool{}
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("kubectl get says %q", line)
		}
		objects[strings.Replace(fmt.Sprintf("%s %s/%s", fields[0], fields[1], fields[2]), " <none>/", " ", 1)] = true
	}
	return objects, nil
}

// kubectl returns the lines of its output.
func (n *node) kubectl(args ...string) ([]string, error) {
	cmd := exec.CommandContext(context.Background(), filepath.Join(n.bin(), "kubectl"), append(args, "--kubeconfig", n.kubeconfig())...)
	cmd.Env = append(os.Environ(), "NO_PROXY=*")
	out, err := cmd.Output()
	return strings.Split(strings.TrimSpace(string(out)), "\n"), err
}

func objectsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: objects")
	}
	objects, err := state(ts).node.objects()
	ts.Check(err)
	state(ts).objects = objects
}

func leftCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := state(ts)
	if neg || len(args) != 1 || s.objects == nil {
		ts.Fatalf("usage: left FILE, after objects")
	}
	want := ts.ReadFile(args[0])
	eventually(ts, func() error {
		objects, err := s.node.objects()
		if err != nil {
			return err
		}
		var left []string
		for object := range objects {
			if !s.objects[object] {
				left = append(left, object+"\n")
			}
		}
		slices.Sort(left)
		if got := strings.Join(left, ""); got != want {
			return fmt.Errorf("this is left:\n%s", got)
		}
		return nil
	})
}
