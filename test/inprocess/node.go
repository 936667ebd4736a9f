// SPDX-License-Identifier: Apache-2.0

package inprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// Endpoint is the one of a Node's registry.
const Endpoint = "registry.example.com:5000"

// Node is a bootstrap node in a temporary folder. It is the remote.Runner of its own helper.
type Node struct {
	tb       testing.TB
	root     string
	archives string

	// Endpoint is the one of its registry.
	Endpoint string
	// Before, where it is set, is called with each request before the helper has it; with an error, the helper is not
	// reached.
	Before func(*protocol.Request) error
	// After, where it is set, is called with each request when it has been answered.
	After func(*protocol.Request)
	// Requests are those that the helper was asked.
	Requests []protocol.Request
}

// NewNode returns a node on which nothing is imported.
func NewNode(tb testing.TB) *Node {
	tb.Helper()
	dir := tb.TempDir()
	n := &Node{tb: tb, root: filepath.Join(dir, "root"), archives: filepath.Join(dir, "archives"), Endpoint: Endpoint}
	if err := os.Mkdir(n.archives, 0o755); err != nil {
		tb.Fatal(err)
	}
	return n
}

// Action returns the node as operations take it. They record no address of it.
func (n *Node) Action() *action.Node { return &action.Node{Client: &client.Client{Runner: n}} }

// String implements remote.Runner.
func (n *Node) String() string { return "in process" }

// Run implements remote.Runner: the helper's agent answers here. What it reports is in its answer.
func (n *Node) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	data, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	req := protocol.Request{}
	if err := json.Unmarshal(data, &req); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	n.Requests = append(n.Requests, req)
	if n.Before != nil {
		if err := n.Before(&req); err != nil {
			return err
		}
	}
	_ = n.agent().Serve(ctx, bytes.NewReader(data), stdout)
	if n.After != nil {
		n.After(&req)
	}
	return nil
}

func (n *Node) agent() *agent.Agent {
	return &agent.Agent{
		Configuration: config.Configuration{
			Root: n.root, Registry: config.Registry{Endpoint: n.Endpoint, Listen: []string{config.DefaultListen}},
			Archives: config.Archives{Upload: filepath.Join(n.root, config.DefaultUploadFolder)},
			Mount:    mount.None,
		},
		Version: "test",
	}
}

// Path returns where the archive of that name is, or would be.
func (n *Node) Path(name string) string { return filepath.Join(n.archives, name) }

// Write puts an archive onto the node, and returns its path.
func (n *Node) Write(name string, data []byte) string {
	n.tb.Helper()
	if err := os.WriteFile(n.Path(name), data, 0o644); err != nil {
		n.tb.Fatal(err)
	}
	return n.Path(name)
}

// WriteUploaded puts an archive where uploads go, and returns its path.
func (n *Node) WriteUploaded(name string, data []byte) string {
	n.tb.Helper()
	path := filepath.Join(n.agent().Configuration.Archives.Upload, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		n.tb.Fatal(err)
	}
	return path
}

// Configuration returns the text of solutions.yaml, "" where there is none.
func (n *Node) Configuration() string {
	n.tb.Helper()
	data, err := os.ReadFile(n.agent().Configuration.SolutionsFile().Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.tb.Fatal(err)
	}
	return string(data)
}

// Configure edits solutions.yaml, as someone does by hand.
func (n *Node) Configure(text string) {
	n.tb.Helper()
	path := n.agent().Configuration.SolutionsFile().Path
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		n.tb.Fatal(err)
	}
}

// Image returns the ISO image of an archive. Each archive is packed once in a process.
func Image(tb testing.TB, b *archivetest.Builder) []byte {
	tb.Helper()
	files, err := json.Marshal(b.Files())
	if err != nil {
		tb.Fatal(err)
	}
	key := archivetest.Hex(files)
	if data, found := images.Load(key); found {
		return bytes.Clone(data.([]byte))
	}
	data, err := os.ReadFile(b.ISO(tb))
	if err != nil {
		tb.Fatal(err)
	}
	images.Store(key, data)
	return bytes.Clone(data)
}

// images are those that this process has packed.
var images sync.Map

// Damage changes a byte of the first layer in an image, whose structure stays right.
func Damage(tb testing.TB, image []byte) []byte {
	tb.Helper()
	image = bytes.Clone(image)
	i := bytes.Index(image, []byte{0x1f, 0x8b, 8}) // the magic number of gzip
	if i < 0 {
		tb.Fatal("no layer in the archive")
	}
	image[i+12] ^= 1
	return image
}

// Configuration returns the text of a solutions.yaml. Active are pairs of a Solution and a version.
func Configuration(archives []string, active ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives:\n")
	for _, path := range archives {
		fmt.Fprintf(&b, "- %s\n", path)
	}
	b.WriteString("active:\n")
	for i := 0; i+1 < len(active); i += 2 {
		fmt.Fprintf(&b, "  %s: %q\n", active[i], active[i+1])
	}
	return b.String()
}
