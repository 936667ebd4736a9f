// SPDX-License-Identifier: Apache-2.0

package util

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

// Off a terminal there is a line for each step, and none for how far it is.
func TestStatusOffATerminal(t *testing.T) {
	var out bytes.Buffer
	s := NewStatus(&out)
	s.Step("reading %s", "a.iso")
	s.Step("reading a.iso")
	for _, done := range []int64{0, 50, 100} {
		s.Progress(protocol.Progress{Step: "checking /a.iso", Done: done, Total: 100})
	}
	s.Observe("deployment.apps/storage-operator", "0 of 1 updated")
	s.Observe("deployment.apps/storage-operator", "0 of 1 updated")
	s.Observe("deployment.apps/storage-operator", "ready")
	s.Clear()
	s.Step("100%% done")
	s.Note("stays %d", 1)
	s.Step("two\nlines\x1b[2J")
	s.Progress(protocol.Progress{Step: "100%", Total: 0})
	const want = "reading a.iso\nchecking /a.iso\ndeployment.apps/storage-operator: 0 of 1 updated\ndeployment.apps/storage-operator: ready\n100% done\nstays 1\ntwo lines [2J\n100%\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// On a terminal there is one line, which is taken away in the end.
func TestStatusOnATerminal(t *testing.T) {
	var out bytes.Buffer
	s := NewStatus(&out)
	s.terminal, s.width = true, 20
	s.Clear()
	s.Step("short")
	s.Step("%s", "as long as é"+strings.Repeat("é", 30))
	s.Progress(protocol.Progress{Step: "a.iso", Done: 1, Total: 1 << 20})
	s.Progress(protocol.Progress{Step: "a.iso", Done: 1 << 20, Total: 1 << 20})
	s.Clear()
	s.Clear()
	const erase = "\r\x1b[K"
	want := erase + "short" + erase + "as long as ééééééé…" + erase + "a.iso" + erase + "a…  100% of 1.0 MiB" + erase
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSpeed(t *testing.T) {
	for _, test := range []struct {
		done, total, sent int64
		took              time.Duration
		want              string
	}{
		{1 << 20, 100 << 20, 1 << 20, 999 * time.Millisecond, ""},
		{1 << 20, 100 << 20, 0, time.Minute, ""},
		{60 << 20, 100 << 20, 20 << 20, 2 * time.Second, ", 10.0 MiB/s, 4s left"},
		{100 << 20, 100 << 20, 60 << 20, 6 * time.Second, ", 10.0 MiB/s"},
	} {
		if got := speed(protocol.Progress{Done: test.done, Total: test.total}, test.sent, test.took); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestConfirmWithoutTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "answers")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("y\n"); err != nil {
		t.Fatal(err)
	}
	for name, streams := range map[string]genericiooptions.IOStreams{"no file": {In: strings.NewReader("y\n")}, "a file": {In: file}} {
		var out bytes.Buffer
		streams.Out, streams.ErrOut = &out, &out
		err := Confirm(streams, false, "deleting namespace a\ndeleting namespace b")
		if err == nil || err.Error() != "this needs a confirmation, and there is no terminal to ask at:\ndeleting namespace a\ndeleting namespace b" ||
			hint.Of(err) != "run the command again with --yes to confirm, or with --dry-run=server to see what would happen" || out.Len() > 0 {
			t.Errorf("%s: %v, hint %q, output %q", name, err, hint.Of(err), &out)
		}
		if err := Confirm(streams, true, "deleting"); err != nil || out.Len() > 0 {
			t.Errorf("%s, with --yes: %v, output %q", name, err, &out)
		}
	}
}

func TestEnumerateAndCount(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for most, want := range map[int]string{1: "a and 3 more", 3: "a, b, c and 1 more", 4: "a, b, c, d", 9: "a, b, c, d"} {
		if got := Enumerate(names, most); got != want {
			t.Errorf("Enumerate(%d) = %s, want %s", most, got, want)
		}
	}
	if got := Enumerate(nil, 3); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for n, want := range map[int]string{0: "0 objects", 1: "1 object", 2: "2 objects", 100: "100 objects"} {
		if got := Count(n, "object"); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestDryRunSuffix(t *testing.T) {
	for strategy, want := range map[cmdutil.DryRunStrategy]string{
		cmdutil.DryRunNone: "", cmdutil.DryRunClient: " (dry run)", cmdutil.DryRunServer: " (server dry run)",
	} {
		if got := DryRunSuffix(strategy); got != want {
			t.Errorf("DryRunSuffix(%v) = %q, want %q", strategy, got, want)
		}
	}
}

func disk(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Disk"}}
	u.SetName(name)
	return u
}

// print runs a command with these arguments that prints two disks, or one.
func print(t *testing.T, single bool, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	flags := NewPrintFlags()
	var out, errOut bytes.Buffer
	cmd := &cobra.Command{SilenceErrors: true, SilenceUsage: true, RunE: func(*cobra.Command, []string) error {
		if err := flags.Validate(); err != nil {
			return err
		}
		objects := []*unstructured.Unstructured{disk("a"), disk("b")}
		table := printers.Table{Columns: []string{"NAME"}, Wide: []string{"SIZE"}, Rows: [][]string{{"a", "1"}, {"b", "2"}}}
		if single {
			objects, table.Rows = objects[:1], table.Rows[:1]
		}
		return flags.Print(&out, &errOut, table, objects, single)
	}}
	flags.AddFlags(cmd)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

func TestPrintFlags(t *testing.T) {
	const (
		one  = "apiVersion: example.com/v1\nkind: Disk\nmetadata:\n  name: a\n"
		both = "apiVersion: v1\nitems:\n- apiVersion: example.com/v1\n  kind: Disk\n  metadata:\n    name: a\n- apiVersion: example.com/v1\n  kind: Disk\n  metadata:\n    name: b\nkind: List\nmetadata: {}\n"
	)
	for _, tt := range []struct {
		args   string
		single bool
		want   string
	}{
		{"", false, "NAME\na\nb\n"},
		{"-o table", false, "NAME\na\nb\n"},
		{"-o wide", false, "NAME   SIZE\na      1\nb      2\n"},
		{"-o wide --no-headers", true, "a     1\n"},
		{"-o name", false, "disk.example.com/a\ndisk.example.com/b\n"},
		{"-o name", true, "disk.example.com/a\n"},
		{"-o yaml", false, both},
		{"-o yaml", true, one},
		{"--output json", true, "{\n    \"apiVersion\": \"example.com/v1\",\n    \"kind\": \"Disk\",\n    \"metadata\": {\n        \"name\": \"a\"\n    }\n}\n"},
		{"-o jsonpath={.items[*].metadata.name}", false, "a b"},
		{"-o go-template={{.metadata.name}}", true, "a"},
		{"-o jsonpath --template={.metadata.name}", true, "a"},
	} {
		out, errOut, err := print(t, tt.single, strings.Fields(tt.args)...)
		if err != nil || errOut != "" {
			t.Errorf("%s: %v, stderr %q", tt.args, err, errOut)
		}
		if diff := cmp.Diff(tt.want, out); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.args, diff)
		}
	}
}

func TestPrintFlagsErrors(t *testing.T) {
	const formats = "table, wide, json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file"
	for args, want := range map[string]string{
		"-o xml":          `output format "xml" is unknown: it is one of ` + formats,
		"-o jsonpath={.a": "error parsing jsonpath {.a, unclosed action",
		"-o jsonpath":     "template format specified but no template given",
	} {
		out, _, err := print(t, true, strings.Fields(args)...)
		if err == nil || err.Error() != want || out != "" {
			t.Errorf("%s: %v; want %s; output %q", args, err, want, out)
		}
	}
}

func TestClusterError(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		err        error
		want, hint string
	}{
		{errors.New("other"), "other", ""},
		{
			apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "p", errors.New("no")), `pods "p" is forbidden: no`,
			"kubectl auth can-i --list shows what you may do; a cluster administrator can give you more (docs/rights.md)",
		},
		{dial, "the API server cannot be reached: dial tcp: connection refused", "kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another"},
		{
			&url.Error{Op: "Get", URL: "https://x", Err: errors.New("EOF")}, `the API server cannot be reached: Get "https://x": EOF`,
			"kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another",
		},
		{
			fmt.Errorf("unexpected error when reading response body. Please retry. Original error: %w", io.ErrUnexpectedEOF),
			"the API server cannot be reached: unexpected error when reading response body. Please retry. Original error: unexpected EOF",
			"kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another",
		},
		{ClusterError(dial), "the API server cannot be reached: dial tcp: connection refused", "kubectl cluster-info tells whether it answers; --kubeconfig, --context and --server choose another"},
		{hint.With(dial, "go on"), "the API server cannot be reached: dial tcp: connection refused", "go on"},
		{fmt.Errorf("reading an archive: %w", io.ErrUnexpectedEOF), "reading an archive: unexpected EOF", ""},
	} {
		if err := ClusterError(tt.err); err.Error() != tt.want || hint.Of(err) != tt.hint {
			t.Errorf("%v, hint %q; want %s, hint %q", err, hint.Of(err), tt.want, tt.hint)
		}
	}
	if ClusterError(nil) != nil {
		t.Error("an error out of none")
	}
}

func TestNoCluster(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	conn := NewConnection()
	conn.Flags.KubeConfig = &config
	_, err := conn.Cluster()
	if err == nil || err.Error() != "no cluster is configured" || hint.Of(err) != "set $KUBECONFIG, or give --kubeconfig or --server" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
	if err := os.WriteFile(config, []byte("]"), 0o600); err != nil {
		t.Fatal(err)
	}
	conn = NewConnection()
	conn.Flags.KubeConfig = &config
	if _, err := conn.Cluster(); err == nil || !strings.HasPrefix(err.Error(), "reading the kubeconfig: ") || !strings.Contains(err.Error(), config) {
		t.Errorf("%v", err)
	}
}

// A shell that completes a word gets none where the cluster does not answer.
func TestCompletionWithoutCluster(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"", "https://127.0.0.1:1"} {
		conn := NewConnection()
		conn.Flags.KubeConfig, conn.Flags.APIServer = &config, &server
		if got := SolutionNames(t.Context(), conn); len(got) > 0 {
			t.Errorf("%q: Solutions %q", server, got)
		}
		if got := SolutionVersions(t.Context(), conn, "storage"); len(got) > 0 {
			t.Errorf("%q: versions %q", server, got)
		}
		if got := EnvironmentNames(t.Context(), conn); len(got) > 0 {
			t.Errorf("%q: Environments %q", server, got)
		}
	}
}
