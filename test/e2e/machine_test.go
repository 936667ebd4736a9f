// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// settings are those of the kernel that a kubelet likes to change.
var settings = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// machineState returns what of the machine a node could change and nobody else
// does: packet filters, settings, and folders that its programs use elsewhere.
func machineState(t *testing.T) map[string]string {
	t.Helper()
	s := map[string]string{
		"filters":            output(t, "iptables-save"),
		"network namespaces": output(t, "ip", "netns", "list"),
	}
	for _, name := range settings {
		s[name] = readFile(t, "/proc/sys/"+name)
	}
	for _, folder := range []string{"/run", "/var/lib", "/var/log", "/etc"} {
		found := folders(t, folder, func(name string) bool {
			return strings.Contains(name, "cni") || strings.Contains(name, "kubelet") || name == "containers" || name == "containerd" || name == "netns" || name == "metalk8s"
		})
		s[folder] = strings.Join(found, "\n")
	}
	return s
}

func output(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), command[0], command[1:]...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return string(out)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// folders lists the folders below root that have such a name.
func folders(t *testing.T, root string, wanted func(string) bool) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && wanted(entry.Name()) {
			list = append(list, path)
		}
		return nil // what cannot be read has gone meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// traces is what tells what belongs to a node. Its namespace of networks needs no
// entry: the node's interface is there as long as that is.
type traces struct {
	dir        string
	name       string            // of its interface and cgroups
	namespaces map[string]string // link in /proc/PID/ns to what it says
}

func (n *node) traces(t *testing.T) traces {
	t.Helper()
	tr := traces{dir: n.dir, name: strings.TrimSpace(readFile(t, filepath.Join(n.dir, "name"))), namespaces: map[string]string{}}
	pid := strings.TrimSpace(readFile(t, filepath.Join(n.dir, "init.pid")))
	for _, kind := range []string{"pid", "mnt"} {
		name := "/proc/" + pid + "/ns/" + kind
		link, err := os.Readlink(name)
		if err != nil {
			t.Fatal(err)
		}
		tr.namespaces[kind] = link
		// The kernel gives the number of a namespace that is gone to the next that anybody makes, but not while it is open.
		open, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { open.Close() })
	}
	return tr
}

// check fails where something of the node is still there: whatever runs in it is
// in one of its namespaces.
func (tr traces) check(t *testing.T) {
	t.Helper()
	left := folders(t, "/sys/fs/cgroup", func(name string) bool { return name == tr.name })
	for what, lines := range map[string]string{
		tr.dir:          readFile(t, "/proc/self/mounts"),
		tr.name + " ":   output(t, "ip", "route", "show", "table", "all") + output(t, "ip", "-brief", "link"),
		tr.name + "@if": output(t, "ip", "-brief", "link"),
	} {
		for line := range strings.Lines(lines) {
			if strings.Contains(line, what) {
				left = append(left, line)
			}
		}
	}
	if _, err := os.Stat(tr.dir); err == nil {
		left = append(left, tr.dir)
	}
	for kind, want := range tr.namespaces {
		links, err := filepath.Glob("/proc/[0-9]*/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range links {
			if link, err := os.Readlink(name); err == nil && link == want {
				left = append(left, "process "+name)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("the node is gone, and this is left of it:\n%s", strings.Join(left, "\n"))
	}
}
