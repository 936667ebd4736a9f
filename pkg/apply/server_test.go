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
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
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
	f.applier = apply.New(f.client)
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

// exists tells whether an object is in the cluster.
func (f *fixture) exists(o *unstructured.Unstructured) bool {
	f.t.Helper()
	live, err := f.applier.Live(f.t.Context(), []*unstructured.Unstructured{o})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(live) == 1
}

// lines writes changes as "created configmap/a".
func (f *fixture) lines(changes apply.ChangeSet) string {
	var lines []string
	for _, e := range changes {
		line := fmt.Sprintf("%s %s", e.Action, strings.ReplaceAll(e.Object, f.namespace, "$NS"))
		if e.Namespace != "" && e.Namespace != f.namespace {
			line += " in " + e.Namespace
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
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
	return apply.New(newClient(f.t, config))
}

// allow grants all verbs on resources.
func allow(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"*"}}
}
