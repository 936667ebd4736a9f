// SPDX-License-Identifier: Apache-2.0

//go:build linux

package agent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
	"github.com/metalk8s/kubectl-solution/test/sshserver"
)

// overSSH returns a client that reaches the real helper of a node through a
// real sshd.
func overSSH(t testing.TB, root string, options sshserver.Options) (*client.Client, *sshserver.Server) {
	t.Helper()
	helper, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("root: "+root+"\nregistry: {endpoint: 'registry:5000'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options.Environment = map[string]string{"PATH": filepath.Dir(helper) + ":/usr/bin:/bin", config.EnvironmentVariable: file}
	server := sshserver.Need(t, options)
	t.Setenv("PATH", server.Wrapper(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("XDG_RUNTIME_DIR", server.Folder)
	runner, err := remote.Parse(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	return &client.Client{Runner: runner}, server
}

// helpers returns the process ids of the helpers that run, of those that the
// tests have built.
func helpers() []string {
	files, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is none that fails
	var ids []string
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && target == filepath.Join(helperFolder, "solution-bootstrap") {
			ids = append(ids, filepath.Base(filepath.Dir(file)))
		}
	}
	return ids
}

// waitGone waits until no helper runs any more.
func waitGone(t *testing.T) {
	t.Helper()
	const patience = 30 * time.Second // it notices within AliveEvery
	for start := time.Now(); len(helpers()) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("a helper still runs %v after its client is gone", patience)
		}
	}
}

// cutter is a Runner that cuts the network off when so many events have come.
type cutter struct {
	remote.Runner
	server *sshserver.Server
	after  int
}

func (c *cutter) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	return c.Runner.Run(ctx, stdin, writer(func(p []byte) (int, error) {
		for range bytes.Count(p, []byte("\n")) {
			if c.after--; c.after == 0 {
				c.server.Cut()
			}
		}
		return stdout.Write(p)
	}))
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Whenever the network is cut, the node is as it was or as it was to be, no
// helper stays behind, and the same request once more completes it.
func TestSSHCut(t *testing.T) {
	n := newNode(t)
	c, server := overSSH(t, n.root, sshserver.Options{})
	paths := []string{n.archive("1.0.101"), n.archive("1.0.102"), n.archive("1.0.103")}
	const all = 6 // hello, three times progress, alive, result
	states := map[string]int{}
	for after := 1; after <= all; after++ {
		n.configure("kind: SolutionsConfiguration\napiVersion: solutions.metalk8s.scality.com/v1alpha1\n# by hand\n")
		before := n.configuration()
		cut := &client.Client{Runner: &cutter{c.Runner, server, after}}
		_, err := cut.Import(t.Context(), protocol.ImportRequest{Archives: paths})
		var failed *remote.RunError
		if err != nil && (!errors.As(err, &failed) || failed.Reason != remote.Lost || !strings.Contains(err.Error(), "; the change may have been made, or not")) {
			t.Errorf("cut after event %d: %v", after, err)
		}
		waitGone(t)
		made := n.configuration() != before
		// The helper may be ahead of what its client has read when the cut comes.
		if err == nil && !made {
			t.Errorf("cut after event %d: %v, and the configuration is\n%s", after, err, n.configuration())
		}
		if made {
			states["made"]++
		} else {
			states["not made"]++
		}
		change, err := c.Import(t.Context(), protocol.ImportRequest{Archives: paths})
		if err != nil {
			t.Fatalf("cut after event %d, and once more: %v", after, err)
		}
		n.wantArchives(change.State, "1.0.101.iso example-solution-1.0.101", "1.0.102.iso example-solution-1.0.102", "1.0.103.iso example-solution-1.0.103")
		entries, err := os.ReadDir(filepath.Join(n.root, "etc", "metalk8s"))
		if err != nil || len(entries) != 2 {
			t.Errorf("cut after event %d: left behind %v, %v", after, entries, err)
		}
	}
	t.Logf("the change was %v", states)
}

// cutUpload is a Runner that cuts the network off when so many bytes are sent.
type cutUpload struct {
	remote.Runner
	server *sshserver.Server
	after  int64
}

func (c *cutUpload) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	return c.Runner.Run(ctx, reader(func(p []byte) (int, error) {
		n, err := stdin.Read(p)
		if before := c.after; before > 0 {
			if c.after -= int64(n); c.after <= 0 {
				c.server.Cut()
			}
		}
		return n, err
	}), stdout)
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// Of an upload whose connection is lost again and again, what arrived is kept,
// and nothing has the archive's name until all of it is there.
func TestSSHUploadCut(t *testing.T) {
	const size, cuts = 24 << 20, 10
	data := payload(size)
	n := newNode(t)
	c, server := overSSH(t, n.root, sshserver.Options{})
	file, source := localFile(t, "a.iso", data), rand.New(rand.NewPCG(3, 4))
	for range cuts {
		missing := int64(size)
		if part, err := os.Stat(filepath.Join(n.uploads(), ".a.iso.part")); err == nil {
			missing -= part.Size()
		}
		// Before the end, however much has arrived already.
		after := 1 + source.Int64N(min(2*size/cuts, missing/2))
		cut := &client.Client{Runner: &cutUpload{c.Runner, server, after}}
		_, err := cut.Upload(t.Context(), file, false)
		var failed *remote.RunError
		if !errors.As(err, &failed) || failed.Reason != remote.Lost {
			t.Fatalf("cut after %d bytes: %v", after, err)
		}
		waitGone(t)
		if _, err := os.Stat(filepath.Join(n.uploads(), "a.iso")); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("cut after %d bytes, and the archive is there: %v", after, err)
		}
	}
	result, err := c.Upload(t.Context(), file, false)
	if err != nil {
		t.Fatal(err)
	}
	n.holds(result.Path, data)
	t.Logf("%d bytes, cut %d times: at last %d are sent", size, cuts, result.Received)
	if result.Received > size/2 {
		t.Errorf("%d bytes are sent at last, as though nothing had arrived before", result.Received)
	}
}

// A helper that waits for its turn does not take it when its client is gone.
func TestSSHCutWhileWaiting(t *testing.T) {
	n := newNode(t)
	c, server := overSSH(t, n.root, sshserver.Options{Command: "solution-bootstrap agent"})
	n.importAll(n.archive("1.0.101"))
	before := n.configuration()
	unlock, err := n.agent().Configuration.SolutionsFile().Lock(t.Context(), "alice@laptop")
	if err != nil {
		t.Fatal(err)
	}
	c.Progress = func(p protocol.Progress) {
		if !strings.HasPrefix(p.Step, "waiting for alice@laptop (pid ") {
			t.Errorf("progress %+v", p)
		}
		server.Cut()
	}
	if _, err := c.Activate(t.Context(), protocol.ActivateRequest{Name: solutionName}); err == nil || !strings.Contains(err.Error(), "the connection was lost") {
		t.Errorf("%v", err)
	}
	waitGone(t)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if n.configuration() != before {
		t.Errorf("the configuration is\n%s", n.configuration())
	}
}

// nasty are what a shell, ssh or a terminal would act on.
func nasty(canary string) []string {
	touch := "touch " + canary
	return []string{
		"a b", "it's", `say "x"`, "$(" + touch + ")", "`" + touch + "`", "; " + touch, "&& " + touch, "| " + touch, "> " + canary, "-oProxyCommand=" + touch,
		"--config=/dev/null", "-", "--", "~", "*", "$HOME", "${IFS}", "a\\", "#", "%h", "!x", "é", "a\nb", "a\r\nb", "\n" + touch + "\n", "\x1b]0;x\x07", "\x00",
		"..", "../../etc/passwd", "'; " + touch + "; '", `"; ` + touch + `; "`, `{"protocol":1}`, "}\n" + `{"protocol":1,"list":{}}`,
	}
}

// Whatever a name or a path is, it is a name or a path, and nothing runs that
// was not asked for.
func TestSSHNames(t *testing.T) {
	n := newNode(t)
	c, _ := overSSH(t, n.root, sshserver.Options{})
	canary := filepath.Join(t.TempDir(), "canary")
	for _, name := range nasty(canary) {
		_, activated := c.Activate(t.Context(), protocol.ActivateRequest{Name: name, Version: name})
		_, imported := c.Import(t.Context(), protocol.ImportRequest{Archives: []string{n.archives + "/none/" + name}})
		_, read := c.Read(t.Context(), protocol.ReadRequest{Archives: []protocol.ReadArchive{{Archive: "/" + name, Paths: []string{name}}}})
		for i, err := range []error{activated, imported, read} {
			var failed *client.RemoteError
			if !errors.As(err, &failed) {
				t.Errorf("%q, request %d: %v is no answer of the helper", name, i, err)
			}
		}
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("a command was run that a name holds")
	}
}

// A file may have any name but one with control characters, and is imported
// under it.
func TestSSHPaths(t *testing.T) {
	n := newNode(t)
	c, _ := overSSH(t, n.root, sshserver.Options{Command: "solution-bootstrap agent"})
	source, err := os.ReadFile(n.archive("1.0.101"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nasty("canary") {
		if strings.ContainsAny(name, "/\x00") || name == ".." {
			continue
		}
		path := n.write(name+".iso", source)
		_, err := c.Import(t.Context(), protocol.ImportRequest{Archives: []string{path}})
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
			if err == nil || !strings.Contains(err.Error(), "a path holds no control characters") {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		state, err := c.List(t.Context(), protocol.ListRequest{})
		if err != nil || len(state.Archives) != 1 || state.Archives[0].Path != path || state.Archives[0].Content == nil {
			t.Errorf("%q: %+v, %v", name, state, err)
		}
		if _, err := c.Unimport(t.Context(), protocol.UnimportRequest{Archives: []string{path}}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "canary" }) {
		t.Errorf("a command was run that a path holds, or %v", err)
	}
}

// What a login script writes, an account that may not log in, and a helper that
// never answers are told of.
func TestSSHNoise(t *testing.T) {
	n := newNode(t)
	for command, want := range map[string]string{
		"echo Welcome to node 1; exec solution-bootstrap agent": `the helper answered something that is no event: "Welcome to node 1"`,
		"echo This account is currently not available.; exit 1": `the helper answered something that is no event: "This account is currently not available."`,
		"true":    "the helper ended without a result",
		"sleep 3": "the helper is silent: nothing was heard of it for 1s",
	} {
		t.Run(command, func(t *testing.T) {
			c, _ := overSSH(t, n.root, sshserver.Options{Command: command})
			if command == "sleep 3" {
				c.HelloTimeout = time.Second
			}
			_, err := c.List(t.Context(), protocol.ListRequest{})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "bootstrap node (ssh://127.0.0.1:") {
				t.Errorf("%v", err)
			}
		})
	}
}
