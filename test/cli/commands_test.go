// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// scriptState is what the commands of one script remember.
type scriptState struct {
	snapshot *string
	meaning  string                          // of the same moment
	archives map[string]*archivetest.Builder // by path
	// namespace is a process in the namespaces of namespaceCommand.
	namespace string
}

func state(ts *testscript.TestScript) *scriptState {
	s, ok := ts.Value(scriptKey{}).(*scriptState)
	if !ok {
		ts.Fatalf("the script has no state")
	}
	return s
}

// kubectlCommand runs kubectl, or the plugin that it would run, which saves
// time; scripts that are about the way through kubectl use `exec kubectl`.
// Errors have exit status 1, whatever they are.
func kubectlCommand(ts *testscript.TestScript, neg bool, args []string) {
	program := "kubectl"
	if len(args) > 0 && (args[0] == "solution" || args[0] == "environment") {
		program, args = "kubectl-"+args[0], args[1:]
	}
	err := ts.Exec(program, args...)
	var exit *exec.ExitError
	switch {
	case !neg && err != nil:
		ts.Fatalf("kubectl failed: %v", err)
	case neg && err == nil:
		ts.Fatalf("kubectl did not fail")
	case neg && (!errors.As(err, &exit) || exit.ExitCode() != 1):
		ts.Fatalf("kubectl failed with %v, and should with status 1", err)
	}
}

// freePortCommand sets a variable to a port that nothing listens on.
func freePortCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Check(listener.Close())
	ts.Setenv(args[0], port)
}

func (c *testCluster) snapshotCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: snapshot")
	}
	s := c.snapshot(ts)
	state(ts).snapshot = &s
	meaning, err := c.state(filepath.Join(ts.Getenv("WORK"), "node"))
	ts.Check(err)
	state(ts).meaning = meaning
}

// restoredCommand fails where node and cluster have come to something else than
// they were, be it by way of other objects.
func (c *testCluster) restoredCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 || state(ts).snapshot == nil {
		ts.Fatalf("usage: [!] restored, after snapshot")
	}
	now, err := c.state(filepath.Join(ts.Getenv("WORK"), "node"))
	ts.Check(err)
	diff := difference(state(ts).meaning, now)
	if neg == (diff == "") {
		ts.Fatalf("restored: %t; the difference (-before +after):\n%s", diff == "", diff)
	}
}

func (c *testCluster) unchangedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 || state(ts).snapshot == nil {
		ts.Fatalf("usage: unchanged, after snapshot")
	}
	if diff := cmp.Diff(strings.Split(*state(ts).snapshot, "\n"), strings.Split(c.snapshot(ts), "\n")); diff != "" {
		ts.Fatalf("something was changed (-before +after):\n%s", diff)
	}
}

// snapshot tells everything that commands may change, in lines.
func (c *testCluster) snapshot(ts *testscript.TestScript) string {
	files, err := nodeFiles(filepath.Join(ts.Getenv("WORK"), "node"), nil)
	ts.Check(err)
	objects, err := c.objects()
	ts.Check(err)
	lines := files
	for _, o := range objects {
		lines = append(lines, fingerprint(o))
	}
	return strings.Join(lines, "\n")
}

var variable = regexp.MustCompile(`\$\{[A-Z_]+\}`)

func (c *testCluster) holdsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: holds FILE")
	}
	text := variable.ReplaceAllStringFunc(ts.ReadFile(args[0]), func(name string) string {
		return ts.Getenv(strings.Trim(name, "${}"))
	})
	documents, err := archive.DecodeDocuments([]byte(text))
	ts.Check(err)
	var problems []string
	for _, d := range documents {
		want := &unstructured.Unstructured{Object: d}
		got, err := c.get(want)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		for _, p := range differences(want.Object, got.Object, "") {
			problems = append(problems, want.GetKind()+" "+want.GetName()+p)
		}
	}
	if len(problems) > 0 {
		ts.Fatalf("the cluster is not as %s has it:\n%s", args[0], strings.Join(problems, "\n"))
	}
	ts.Logf("%d objects are as %s has them", len(documents), args[0])
}

func (c *testCluster) get(o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	var client dynamic.ResourceInterface = c.client.Resource(resource)
	if ns := o.GetNamespace(); ns != "" {
		client = c.client.Resource(resource).Namespace(ns)
	}
	return client.Get(c.ctx, o.GetName(), metav1.GetOptions{})
}

// differences returns where got is not as want has it. Maps may have other
// keys besides; lists may not be longer.
func differences(want, got any, path string) []string {
	switch want := want.(type) {
	case map[string]any:
		m, _ := got.(map[string]any)
		var all []string
		for key, value := range want {
			all = append(all, differences(value, m[key], path+"."+key)...)
		}
		return all
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			return []string{fmt.Sprintf("%s: want %d items, got %v", path, len(want), got)}
		}
		var all []string
		for i := range want {
			all = append(all, differences(want[i], list[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
	}
	return nil
}

// manifestsCommand writes the objects of a plan, that the last command has printed
// as JSON or YAML, as a List.
func manifestsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: manifests FILE")
	}
	var result struct {
		Plan struct {
			Changes []struct {
				Manifest map[string]any `json:"manifest"`
			} `json:"changes"`
		} `json:"plan"`
	}
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile("stdout")), &result))
	var items []any
	for _, c := range result.Plan.Changes {
		if c.Manifest != nil {
			items = append(items, c.Manifest)
		}
	}
	data, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// mayCommand asks the API server whether the Operator of a Solution may do
// something in a namespace. RBAC follows what is written within a moment.
func (c *testCluster) mayCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: [!] may NAMESPACE SOLUTION VERB RESOURCE[.GROUP]")
	}
	resource, group, _ := strings.Cut(args[3], ".")
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
		"spec": map[string]any{
			"user": "system:serviceaccount:" + args[0] + ":" + args[1] + "-operator",
			"resourceAttributes": map[string]any{
				"namespace": args[0], "verb": args[2], "resource": resource, "group": group,
			},
		},
	}}
	resources := c.client.Resource(schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "subjectaccessreviews"})
	const patience = 5 * time.Second
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		answer, err := resources.Create(c.ctx, review, metav1.CreateOptions{})
		ts.Check(err)
		allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
		ts.Check(err)
		switch {
		case allowed != neg:
			return
		case time.Since(start) > patience:
			ts.Fatalf("the Operator of %s may %s %s in namespace %s: %t", args[1], args[2], args[3], args[0], allowed)
		}
	}
}

// operatorConfigCommand reads the configuration of an Operator as these do:
// strictly, and with no list empty.
func (c *testCluster) operatorConfigCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: operatorconfig NAMESPACE NAME FILE")
	}
	cm := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	cm.SetNamespace(args[0])
	cm.SetName(args[1])
	cm, err := c.get(cm)
	ts.Check(err)
	data, _, err := unstructured.NestedStringMap(cm.Object, "data")
	ts.Check(err)
	var config v1alpha1.OperatorConfig
	ts.Check(yaml.UnmarshalStrict([]byte(data["operator.yaml"]), &config))
	for version, repositories := range config.Repositories {
		if len(repositories) == 0 || len(repositories[0].Images) == 0 {
			ts.Fatalf("version %s has an empty list:\n%s", version, data["operator.yaml"])
		}
	}
	if diff := cmp.Diff(ts.ReadFile(args[2]), data["operator.yaml"]); diff != "" || len(data) != 1 {
		ts.Fatalf("%d keys; operator.yaml (-want +got):\n%s", len(data), diff)
	}
}
