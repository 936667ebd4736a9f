// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m, apiserver.WithAuditLog())) }

const agent = "tested"

// tokens counts the tests, so that each has names of its own.
var tokens atomic.Int64

// fixture is a cluster with a bootstrap node. Tests take it one after the other: there is one catalog in a cluster.
type fixture struct {
	t      *testing.T
	server *apiserver.Server
	// cluster is that of the operations; others write by way of others.
	cluster  *action.Cluster
	others   client.Client
	node     *inprocess.Node
	observer *inprocess.Observer
	token    string // is in all names
	// a and b are names of Solutions.
	a, b string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	server := apiserver.Need(t)
	f := &fixture{
		t: t, server: server, node: inprocess.NewNode(t), observer: &inprocess.Observer{},
		cluster: inprocess.Cluster(t, server.Config, agent), others: inprocess.Cluster(t, server.Config, "others").Client,
		token: fmt.Sprintf("act%02d", tokens.Add(1)),
	}
	f.a, f.b = f.token+"a", f.token+"b"
	t.Cleanup(func() { inprocess.CleanUp(t, f.others, f.token) })
	return f
}

func (f *fixture) solutions() *action.Solutions {
	return &action.Solutions{Cluster: f.cluster, Node: f.node.Action(), Observer: f.observer}
}

func (f *fixture) environments() *action.Environments {
	return &action.Environments{Cluster: f.cluster, Observer: f.observer}
}

// as returns Environments with the rights of another user.
func (f *fixture) as(user string) *action.Environments {
	config := rest.CopyConfig(f.server.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return &action.Environments{Cluster: inprocess.Cluster(f.t, config, agent), Observer: f.observer}
}

// options change an archive.
type options func(*archivetest.Builder, string)

// archive puts an archive onto the node, with an Operator, a Role, a ClusterRole, and a definition of Disks.
func (f *fixture) archive(name, version string, with ...options) string {
	f.t.Helper()
	return f.node.Write(name+"-"+version+".iso", f.image(name, version, with...))
}

func (f *fixture) image(name, version string, with ...options) []byte {
	f.t.Helper()
	b := archivetest.Empty(f.t).WithName(name).WithVersion(version).WithImage("op", version).
		With(map[string]any{"name": "op"}, "spec", "operator", "image").
		WithFile("operator/deploy/role.yaml", strings.ReplaceAll(roles, "NAME", name)).
		WithFile("operator/deploy/crds/disk_crd.yaml", strings.ReplaceAll(disks, "NAME", name))
	for _, option := range with {
		option(b, name)
	}
	return inprocess.Image(f.t, b)
}

const roles = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: manager-role}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NAME-nodes}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
`

const disks = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: disks.NAME.example.com}
spec:
  group: NAME.example.com
  scope: Namespaced
  names: {kind: Disk, plural: disks}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}, mode: {type: string}}}}}}
`

func withoutDefinition(b *archivetest.Builder, _ string) {
	b.Without("operator/deploy/crds/disk_crd.yaml")
}

// withoutMode drops a field.
func withoutMode(b *archivetest.Builder, name string) {
	b.WithFile("operator/deploy/crds/disk_crd.yaml", strings.ReplaceAll(strings.ReplaceAll(disks, ", mode: {type: string}", ""), "NAME", name))
}

func withUI(b *archivetest.Builder, _ string) {
	b.WithImage("page", "1").With(map[string]any{"name": "page", "tag": "1"}, "spec", "ui", "image")
}

// imported imports versions, each as "name version".
func (f *fixture) imported(versions ...string) {
	f.t.Helper()
	var paths []string
	for _, v := range versions {
		name, version, _ := strings.Cut(v, " ")
		path := f.node.Path(name + "-" + version + ".iso")
		if _, err := os.Stat(path); err != nil {
			path = f.archive(name, version)
		}
		paths = append(paths, path)
	}
	f.ok(f.solutions().Import(f.t.Context(), action.ImportOptions{Archives: paths}))
}

func (f *fixture) activated(name, version string) {
	f.t.Helper()
	f.ok(f.solutions().Activate(f.t.Context(), action.ActivateOptions{Name: name, Version: version}))
}

// environment creates one, whose only namespace has its name, and adds versions, each as "name version".
func (f *fixture) environment(name string, versions ...string) action.Target {
	f.t.Helper()
	target := action.Target{Environment: name}
	f.ok(f.environments().CreateEnvironment(f.t.Context(), action.CreateEnvironmentOptions{Target: target}))
	for _, v := range versions {
		solution, version, _ := strings.Cut(v, " ")
		f.ok(f.environments().AddSolution(f.t.Context(), action.AddSolutionOptions{Target: target, Solution: solution, Version: version}))
	}
	return target
}

// ok takes what an operation returns, which has to succeed.
func (f *fixture) ok(r *action.Result, err error) *action.Result {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// failed takes what an operation returns, and returns what checks that it has failed with an error and a hint. Both may end
// in an ellipsis.
func (f *fixture) failed(r *action.Result, err error) func(text, remedy string) *action.Result {
	return func(text, remedy string) *action.Result {
		f.t.Helper()
		if r == nil {
			f.t.Fatal("no result")
		}
		if err == nil || !matches(err.Error(), text) || !matches(hint.Of(err), remedy) {
			f.t.Errorf("%v\nhint: %s\nwant %s\nhint: %s", err, hint.Of(err), text, remedy)
		}
		return r
	}
}

func matches(text, want string) bool {
	if start, isOpen := strings.CutSuffix(want, "…"); isOpen {
		return strings.HasPrefix(text, start)
	}
	return text == want
}

// writes returns what do has written to the cluster.
func (f *fixture) writes(do func()) []string {
	f.t.Helper()
	if !f.server.HasAuditLog() {
		f.t.Skip("this API server keeps no audit log")
	}
	since, err := f.server.Mark()
	f.must(err)
	do()
	list, err := f.server.Writes(f.t.Context(), since, apiserver.Client{Agent: agent})
	f.must(err)
	var lines []string
	for _, w := range list {
		lines = append(lines, w.String())
	}
	return lines
}

// untouched checks that do writes nothing, in the cluster or on the node.
func (f *fixture) untouched(do func()) {
	f.t.Helper()
	before := f.node.Configuration()
	if lines := f.writes(do); len(lines) > 0 {
		f.t.Errorf("it wrote:\n%s", strings.Join(lines, "\n"))
	}
	if after := f.node.Configuration(); before != after {
		f.t.Errorf("it changed solutions.yaml:\n%s\nto\n%s", before, after)
	}
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// create creates an object that is given as YAML.
func (f *fixture) create(text string) *unstructured.Unstructured {
	f.t.Helper()
	u := &unstructured.Unstructured{}
	f.must(yaml.Unmarshal([]byte(text), &u.Object))
	// Of a kind that is new, the API server tells a little later.
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := f.others.Create(f.t.Context(), u, client.FieldOwner("kubectl-create"))
		if err == nil {
			return u
		}
		if time.Now().After(end) || apierrors.IsAlreadyExists(err) {
			f.t.Fatalf("creating %s: %v", text, err)
		}
	}
}

// disk creates a custom resource of a Solution.
func (f *fixture) disk(solution, namespace, more string) {
	f.t.Helper()
	f.create(fmt.Sprintf("{apiVersion: %s.example.com/v1, kind: Disk, metadata: {name: one, namespace: %s%s}, spec: {size: 1, mode: fast}}", solution, namespace, more))
}

// hold has an object held by a finalizer, and release lets it go.
func (f *fixture) hold(r plan.Ref)    { f.patch(r, `{"metadata":{"finalizers":["example.com/held"]}}`) }
func (f *fixture) release(r plan.Ref) { f.patch(r, `{"metadata":{"finalizers":null}}`) }

func (f *fixture) patch(r plan.Ref, text string) {
	f.t.Helper()
	f.must(client.IgnoreNotFound(f.others.Patch(f.t.Context(), r.Object(), client.RawPatch(types.MergePatchType, []byte(text)))))
}

func (f *fixture) delete(r plan.Ref) {
	f.t.Helper()
	f.must(f.others.Delete(f.t.Context(), r.Object(), client.PropagationPolicy(metav1.DeletePropagationBackground)))
}

// exists reports whether an object is there.
func (f *fixture) exists(r plan.Ref) bool {
	f.t.Helper()
	u := r.Object()
	err := f.others.Get(f.t.Context(), client.ObjectKeyFromObject(u), u)
	if err != nil && !apierrors.IsNotFound(err) {
		f.t.Fatal(err)
	}
	return err == nil
}

func configMap(namespace, name string) plan.Ref {
	return plan.Ref{Version: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}
}

func deployment(namespace, name string) plan.Ref {
	return plan.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: namespace, Name: name}
}

func clusterRole(name string) plan.Ref {
	return plan.Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole", Name: name}
}

// edit changes a ConfigMap, as somebody else does.
func (f *fixture) edit(r plan.Ref, change func(*corev1.ConfigMap)) {
	f.t.Helper()
	cm := &corev1.ConfigMap{}
	f.must(f.others.Get(f.t.Context(), client.ObjectKey{Namespace: r.Namespace, Name: r.Name}, cm))
	if cm.Data == nil {
		cm.Data = map[string]string{}
	}
	if cm.Annotations == nil {
		cm.Annotations = map[string]string{}
	}
	change(cm)
	f.must(f.others.Update(f.t.Context(), cm, client.FieldOwner("kubectl-edit")))
}

func (f *fixture) data(r plan.Ref) map[string]string {
	f.t.Helper()
	cm := &corev1.ConfigMap{}
	f.must(f.others.Get(f.t.Context(), client.ObjectKey{Namespace: r.Namespace, Name: r.Name}, cm))
	return cm.Data
}

// versions returns what the catalog records of a Solution; the active one has a star.
func (f *fixture) versions(name string) string {
	f.t.Helper()
	catalog, err := f.cluster.Catalog(f.t.Context())
	f.must(err)
	var list []string
	for _, r := range catalog.Records[name] {
		text := r.Version
		if r.Active {
			text += "*"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// lines are the changes of a result that write, as "create configmap/a".
func lines(r *action.Result) []string {
	var list []string
	for _, c := range r.Changes {
		if c.Writes() {
			list = append(list, string(c.Action)+" "+c.Object.Describe())
		}
	}
	slices.Sort(list)
	return list
}

func (f *fixture) equal(what string, got, want any) {
	f.t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.t.Errorf("%s: %s\nwant %s", what, g, w)
	}
}

var catalog = configMap(v1alpha1.Namespace, v1alpha1.SolutionsConfigMap)

var errNo = errors.New("not confirmed")
