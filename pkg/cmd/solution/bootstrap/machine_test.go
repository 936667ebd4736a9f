// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/solution"
	"github.com/metalk8s/kubectl-solution/test/namespace"
	"github.com/metalk8s/kubectl-solution/test/need"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// asPlugin has this test binary be kubectl-solution.
const asPlugin = "TEST_AS_KUBECTL_SOLUTION"

// helpers is a folder of helpers in several versions: one, two, and mute.
var helpers string

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) != "" {
		os.Exit(cli.Execute(solution.NewCommand(genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}, "test")))
	}
	var err error
	if helpers, err = os.MkdirTemp("", "helpers"); err != nil {
		panic(err)
	}
	status := namespace.Main(m)
	if err := os.RemoveAll(helpers); err != nil {
		panic(err)
	}
	os.Exit(status)
}

// helper returns the path of a helper in a version.
func helper(t *testing.T, version string) string {
	t.Helper()
	path, source := filepath.Join(helpers, version), "../../../../cmd/solution-bootstrap"
	if version == "mute" {
		source = "./testdata/mute"
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// machine is one that is reached by ssh: namespaces of this one, with file
// systems of their own.
type machine struct {
	t      *testing.T
	enter  []string // runs a command there
	root   string   // its files, seen from here
	server *sshserver.Server
}

// bare returns a machine without systemd. /usr/local/bin is a file system with
// these mount options, and nothing that is written to /etc stays.
func bare(t *testing.T, options string, ssh sshserver.Options) *machine {
	t.Helper()
	need.Root(t)
	const script = `set -e
		mount --make-rprivate /
		mount -t tmpfs -o "mode=755,$1" tmpfs /usr/local/bin
		[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd
		mount -t tmpfs tmpfs /mnt
		mkdir /mnt/upper /mnt/work
		mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
		ip link set lo up
		echo ready
		exec cat`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "sh", "-c", script, "sh", options)
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the machine is not ready: %v, %q", err, line)
	}
	m := &machine{t: t, root: fmt.Sprintf("/proc/%d/root", cmd.Process.Pid)}
	m.enter = []string{"nsenter", "--target", strconv.Itoa(cmd.Process.Pid), "--mount", "--net"}
	m.listen(ssh)
	return m
}

// listen starts sshd there, and has ssh on the PATH know its keys.
func (m *machine) listen(options sshserver.Options) {
	m.t.Helper()
	options.Enter = m.enter
	options.Environment = map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin"}
	m.server = sshserver.Need(m.t, options)
	m.t.Setenv("PATH", m.server.Wrapper(m.t)+":"+os.Getenv("PATH"))
	m.t.Setenv("XDG_RUNTIME_DIR", m.server.Folder)
	m.t.Setenv("KUBECTL_SOLUTION_BOOTSTRAP", m.server.Address())
}

// shell runs a command there, which must not fail, and returns what it prints.
func (m *machine) shell(command string) string {
	m.t.Helper()
	words := append(m.enter[1:len(m.enter):len(m.enter)], "/bin/sh", "-c", command)
	out, err := exec.CommandContext(m.t.Context(), m.enter[0], words...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// expect runs a command there, which has to print this.
func (m *machine) expect(command, want string) {
	m.t.Helper()
	if got := m.shell(command); got != want {
		m.t.Errorf("%s\n%s\nwant %s", command, got, want)
	}
}

func (m *machine) eventually(what string, done func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: not in a minute", what)
		}
	}
}

// plugin runs kubectl solution bootstrap, and returns what it prints.
func plugin(t *testing.T, args ...string) (stdout, stderr string, ok bool) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := solution.NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, "test")
	cmd.SetArgs(append([]string{"bootstrap"}, args...))
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.WithoutCancel(t.Context()))
	if err != nil {
		cli.PrintError(&errOut, err)
	}
	return out.String(), errOut.String(), err == nil
}

// succeeds runs kubectl solution bootstrap, which has to print this.
func succeeds(t *testing.T, want string, args ...string) (stderr string) {
	t.Helper()
	stdout, stderr, ok := plugin(t, args...)
	if !ok || stdout != want {
		t.Fatalf("%q: %s%swant %s", args, stdout, stderr, want)
	}
	return stderr
}

// fails runs kubectl solution bootstrap, which has to fail with all of this.
func fails(t *testing.T, want []string, args ...string) {
	t.Helper()
	_, stderr, ok := plugin(t, args...)
	if ok {
		t.Errorf("%q did not fail", args)
	}
	for _, text := range want {
		if !strings.Contains(stderr, text) {
			t.Errorf("%q: %swant %s", args, stderr, text)
		}
	}
}
