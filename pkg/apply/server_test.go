// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

// fixture is a namespace of its own on the API server, and who acts there.
type fixture struct {
	t         *testing.T
	config    *rest.Config
	client    client.Client
	applier   *apply.Applier
	namespace string
}

// newFixture makes a namespace, where $NS in objects and texts stands for it.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, config: apiserver.Need(t).Config}
	f.client = newClient(t, f.config)
	f.applier = f.as(f.config)
	ns := &unstructured.Unstructured{}
	ns.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	ns.SetGenerateName("apply-test-")
	if err := f.client.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	f.namespace = ns.GetName()
	f.cleanUp(ns)
	return f
}

// as returns the Applier of who has this configuration.
func (f *fixture) as(config *rest.Config) *apply.Applier {
	f.t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		f.t.Fatal(err)
	}
	return apply.New(newClient(f.t, config), d.RESTClient())
}

// newClient maps kinds as kubectl's plugins do.
func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.NewClient(config, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fixture) cleanUp(o *unstructured.Unstructured) {
	f.t.Cleanup(func() {
		if err := f.client.Delete(context.WithoutCancel(f.t.Context()), o); err != nil && !apierrors.IsNotFound(err) {
			f.t.Errorf("cleaning up: %v", err)
		}
	})
}

// objects reads YAML documents.
func (f *fixture) objects(text string) []*unstructured.Unstructured {
	f.t.Helper()
	var list []*unstructured.Unstructured
	for _, document := range strings.Split(strings.ReplaceAll(text, "$NS", f.namespace), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
			f.t.Fatalf("%v\n%s", err, document)
		}
		list = append(list, u)
	}
	return list
}

// live returns an object as it is in the cluster, nil where it is not there.
func (f *fixture) live(o *unstructured.Unstructured) *unstructured.Unstructured {
	f.t.Helper()
	u := plan.RefOf(o).Object()
	err := f.client.Get(f.t.Context(), client.ObjectKeyFromObject(u), u)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return u
}

func (f *fixture) exists(o *unstructured.Unstructured) bool { f.t.Helper(); return f.live(o) != nil }

// patch changes an object as someone else does.
func (f *fixture) patch(o *unstructured.Unstructured, text string) {
	f.t.Helper()
	err := f.client.Patch(f.t.Context(), o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(text)), client.FieldOwner("kubectl-edit"))
	if err != nil {
		f.t.Fatal(err)
	}
}

// created returns the changes that create objects, by server-side apply and in
// stages that follow each other.
func created(objects ...*unstructured.Unstructured) []plan.Change {
	changes := make([]plan.Change, 0, len(objects))
	for i, u := range objects {
		changes = append(changes, plan.Change{
			Action: plan.Create, Object: plan.RefOf(u), Stage: plan.Stage(i), Method: plan.Apply, Manifest: u,
			Scope: plan.Scope{Namespace: u.GetNamespace()},
		})
	}
	return changes
}

// changed returns the changes that update objects, which exist.
func (f *fixture) changed(objects ...*unstructured.Unstructured) []plan.Change {
	f.t.Helper()
	changes := created(objects...)
	for i := range changes {
		changes[i].Action, changes[i].Live = plan.Update, f.live(objects[i])
		changes[i].Fields = []plan.FieldChange{{Path: "some"}}
	}
	return changes
}

// deleted returns the changes that delete objects, which exist.
func (f *fixture) deleted(objects ...*unstructured.Unstructured) []plan.Change {
	f.t.Helper()
	var changes []plan.Change
	for _, u := range objects {
		changes = append(changes, plan.Change{
			Action: plan.Delete, Object: plan.RefOf(u), Scope: plan.Scope{Namespace: u.GetNamespace()}, Live: f.live(u), Stage: plan.StageCleanup,
		})
	}
	return changes
}

// make creates objects.
func (f *fixture) make(objects ...*unstructured.Unstructured) {
	f.t.Helper()
	result, err := f.applier.Execute(f.t.Context(), &plan.Plan{Changes: created(objects...)}, apply.ExecuteOptions{})
	if err != nil || result.Err() != nil {
		f.t.Fatal(err, result.Err())
	}
}

// check has the server try changes, and returns the plan that is left.
func (f *fixture) check(a *apply.Applier, all bool, changes ...plan.Change) *plan.Plan {
	f.t.Helper()
	p := &plan.Plan{Changes: changes}
	if err := a.Check(f.t.Context(), p, all); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// lines writes changes as "create configmap/a".
func (f *fixture) lines(changes []plan.Change) string {
	var lines []string
	for _, c := range changes {
		line := fmt.Sprintf("%s %s", c.Action, strings.ReplaceAll(c.Object.String(), f.namespace, "$NS"))
		if c.Object.Namespace != "" && c.Object.Namespace != f.namespace {
			line += " in " + c.Object.Namespace
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// text replaces the name of the namespace in a text.
func (f *fixture) text(text any) string {
	return strings.ReplaceAll(fmt.Sprint(text), f.namespace, "$NS")
}

// limited returns an Applier of a user who may do in the namespace what these
// rules say, and nothing anywhere else.
func (f *fixture) limited(rules ...rbacv1.PolicyRule) *apply.Applier {
	f.t.Helper()
	const user = "limited"
	admin, err := kubernetes.NewForConfig(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if _, err := admin.RbacV1().Roles(f.namespace).Create(f.t.Context(), role, metav1.CreateOptions{}); err != nil {
		f.t.Fatal(err)
	}
	if _, err := admin.RbacV1().RoleBindings(f.namespace).Create(f.t.Context(), binding, metav1.CreateOptions{}); err != nil {
		f.t.Fatal(err)
	}
	config := rest.CopyConfig(f.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return f.as(config)
}

// allow grants all verbs on resources.
func allow(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"*"}}
}
