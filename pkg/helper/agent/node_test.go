// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/helper/agent"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
)

// baseVersion is that of the archives made here, before it is replaced.
const baseVersion = "1.0.100"

// node is a bootstrap node in temporary folders.
type node struct {
	t        *testing.T
	root     string
	archives string // folder
	iso      []byte
	upload   string   // folder of uploads, "" for the default
	allow    []string // folders of archives
}

func newNode(t *testing.T) *node {
	t.Helper()
	folder := t.TempDir()
	data, err := os.ReadFile(archivetest.New(t).WithVersion(baseVersion).ISO(t))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, root: filepath.Join(folder, "root"), archives: filepath.Join(folder, "solutions"), iso: data}
	if err := os.Mkdir(n.archives, 0o755); err != nil {
		t.Fatal(err)
	}
	return n
}

// archive makes the archive of a version, as long as baseVersion. The manifest
// is bound by no digest, so it can be replaced in the image.
func (n *node) archive(version string) string {
	n.t.Helper()
	if len(version) != len(baseVersion) {
		n.t.Fatalf("version %s is not as long as %s", version, baseVersion)
	}
	return n.write(version+".iso", bytes.ReplaceAll(n.iso, []byte("version: "+baseVersion), []byte("version: "+version)))
}

// write makes a file beside the archives.
func (n *node) write(name string, data []byte) string {
	n.t.Helper()
	path := filepath.Join(n.archives, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// damaged makes an archive whose structure is right, and one of whose blobs is
// not.
func (n *node) damaged(version string) string {
	n.t.Helper()
	path := n.archive(version)
	data, err := os.ReadFile(path)
	if err != nil {
		n.t.Fatal(err)
	}
	// The magic number of a layer.
	i := bytes.Index(data, []byte{0x1f, 0x8b, 8})
	if i < 0 {
		n.t.Fatal("no layer in the archive")
	}
	data[i+12] ^= 1
	return n.write(filepath.Base(path), data)
}

func (n *node) agent() *agent.Agent {
	return &agent.Agent{
		Configuration: config.Configuration{
			Root: n.root, Registry: config.Registry{Endpoint: "registry:5000", Listen: []string{config.DefaultListen}},
			Archives: config.Archives{Upload: stdcmp.Or(n.upload, filepath.Join(n.root, config.DefaultUploadFolder)), Allow: n.allow},
			Mount:    mount.None,
		},
		Version: "1.2.3", LockTimeout: time.Minute,
	}
}

// configure writes solutions.yaml.
func (n *node) configure(text string) {
	n.t.Helper()
	path := n.agent().Configuration.SolutionsFile().Path
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) configuration() string {
	n.t.Helper()
	data, err := os.ReadFile(n.agent().Configuration.SolutionsFile().Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.t.Fatal(err)
	}
	return string(data)
}

// serve has an agent answer a request, and checks what goes for every answer.
func (n *node) serve(a *agent.Agent, req protocol.Request) []protocol.Event {
	n.t.Helper()
	req.Protocol = protocol.Version
	data, err := json.Marshal(req)
	if err != nil {
		n.t.Fatal(err)
	}
	var out bytes.Buffer
	err = a.Serve(n.t.Context(), bytes.NewReader(data), &out)
	list := parseEvents(n.t, out.String())
	last := list[len(list)-1]
	if (err != nil) != (last.Error != nil) || (err != nil && err.Error() != last.Error.Message) {
		n.t.Errorf("Serve returns %v, and has reported %+v", err, last.Error)
	}
	return list
}

// parseEvents reads an agent's output: hello first, then progress, then one
// result or error. Those that only say that it is alive are left out.
func parseEvents(t *testing.T, output string) []protocol.Event {
	t.Helper()
	var list []protocol.Event
	for line := range strings.Lines(output) {
		var e protocol.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("no event: %q: %v", line, err)
		}
		if e.Alive != nil && len(list) > 0 && !isLast(last(list)) {
			continue
		}
		list = append(list, e)
	}
	if len(list) < 2 || list[0].Hello == nil {
		t.Fatalf("no hello and answer: %s", output)
	}
	if want := (protocol.Hello{Version: "1.2.3", Protocol: protocol.Version, AliveEvery: 5}); *list[0].Hello != want {
		t.Errorf("hello %+v", *list[0].Hello)
	}
	for i, e := range list[1:] {
		isLast := i == len(list)-2
		if e.Hello != nil || e.Alive != nil || (e.Progress == nil) != isLast || isLast && (e.Result == nil) == (e.Error == nil) {
			t.Errorf("event %d of %d is out of place: %s", i+2, len(list), output)
		}
	}
	return list
}

func last(list []protocol.Event) protocol.Event { return list[len(list)-1] }

// isLast reports whether nothing may follow.
func isLast(e protocol.Event) bool { return e.Result != nil || e.Error != nil }

// ask returns the result of a request.
func resultOf[T any](n *node, req protocol.Request) *T {
	n.t.Helper()
	list := n.serve(n.agent(), req)
	last := list[len(list)-1]
	if last.Error != nil {
		n.t.Fatalf("%+v", *last.Error)
	}
	result := new(T)
	if err := json.Unmarshal(last.Result, result); err != nil {
		n.t.Fatal(err)
	}
	return result
}

func (n *node) list() *protocol.NodeState {
	n.t.Helper()
	return resultOf[protocol.NodeState](n, protocol.Request{List: &protocol.ListRequest{}})
}

func (n *node) importAll(paths ...string) *protocol.ChangeResult {
	n.t.Helper()
	return resultOf[protocol.ChangeResult](n, protocol.Request{Import: &protocol.ImportRequest{Archives: paths}})
}

func (n *node) activate(version string) *protocol.ChangeResult {
	n.t.Helper()
	return resultOf[protocol.ChangeResult](n, protocol.Request{Activate: &protocol.ActivateRequest{Name: "example-solution", Version: version}})
}

// refused checks the failure of a request: its reason, text and hint. In both,
// $A stands for the folder of archives.
func (n *node) refused(req protocol.Request, reason protocol.Reason, message, hint string) {
	n.t.Helper()
	before := n.configuration()
	list := n.serve(n.agent(), req)
	failure := list[len(list)-1].Error
	if failure == nil {
		n.t.Fatalf("no error, and %s is due: %s", reason, list[len(list)-1].Result)
	}
	got := protocol.Failure{Message: strings.ReplaceAll(failure.Message, n.archives, "$A"), Hint: strings.ReplaceAll(failure.Hint, n.archives, "$A"), Reason: failure.Reason}
	got.Message = strings.ReplaceAll(got.Message, n.root, "$R")
	if diff := cmp.Diff(protocol.Failure{Message: message, Hint: hint, Reason: reason}, got); diff != "" {
		n.t.Errorf("-want +got:\n%s", diff)
	}
	if after := n.configuration(); after != before {
		n.t.Errorf("the configuration was %q, and now is %q", before, after)
	}
}

// items returns "imported 1.0.100.iso example-solution-1.0.100" for each.
func items(c *protocol.ChangeResult) []string {
	var lines []string
	for _, i := range c.Items {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", i.Action, filepath.Base(i.Subject), i.ID)))
	}
	return lines
}

// archivesOf returns "1.0.100.iso example-solution-1.0.100" for each, or what is
// wrong with it.
func archivesOf(s protocol.NodeState) []string {
	var lines []string
	for _, a := range s.Archives {
		line := filepath.Base(a.Path)
		if a.Content != nil {
			line += " " + a.Content.ID
		} else {
			line += ": " + strings.ReplaceAll(a.Error, filepath.Dir(a.Path), "$A")
		}
		lines = append(lines, line)
	}
	return lines
}

func (n *node) wantItems(c *protocol.ChangeResult, want ...string) {
	n.t.Helper()
	if diff := cmp.Diff(want, items(c)); diff != "" {
		n.t.Errorf("items, -want +got:\n%s", diff)
	}
}

func (n *node) wantArchives(s protocol.NodeState, want ...string) {
	n.t.Helper()
	if diff := cmp.Diff(want, archivesOf(s)); diff != "" {
		n.t.Errorf("archives, -want +got:\n%s", diff)
	}
}

// nothingLeft checks that a node is as it was made: no folder, no lock.
func (n *node) nothingLeft() {
	n.t.Helper()
	if _, err := os.Lstat(n.root); !errors.Is(err, fs.ErrNotExist) {
		entries := []string{}
		_ = filepath.WalkDir(n.root, func(path string, _ fs.DirEntry, _ error) error {
			entries = append(entries, path)
			return nil
		})
		n.t.Errorf("left behind: %q", slices.Compact(entries))
	}
}
