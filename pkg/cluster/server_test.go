// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

// fixture reads a cluster as its administrator.
type fixture struct {
	t      *testing.T
	config *rest.Config
	reader *cluster.Reader
	// prefix makes names unique.
	prefix string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, config: apiserver.Need(t).Config}
	d, err := discovery.NewDiscoveryClientForConfig(f.config)
	if err != nil {
		t.Fatal(err)
	}
	f.reader = &cluster.Reader{Client: f.as(""), Raw: d.RESTClient()}
	f.prefix = f.namespace("", nil).GenerateName
	return f
}

// as returns the client of a user, "" for the administrator.
func (f *fixture) as(user string) client.Client {
	f.t.Helper()
	config := rest.CopyConfig(f.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := cluster.NewClient(config, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d)))
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// namespace makes one; without a name it makes the name that others begin with.
func (f *fixture) namespace(name string, labels map[string]string, annotations ...string) *corev1.Namespace {
	f.t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if name == "" {
		ns.GenerateName = "cluster-test-"
	}
	if len(annotations) == 2 {
		ns.Annotations = map[string]string{annotations[0]: annotations[1]}
	}
	f.create(ns)
	if name == "" {
		ns.GenerateName = ns.Name
	}
	return ns
}

// create creates an object, and deletes it when the test ends.
func (f *fixture) create(o client.Object) {
	f.t.Helper()
	if err := f.reader.Client.Create(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
	f.deleteAfterwards(o)
}

func (f *fixture) deleteAfterwards(o client.Object) {
	c := f.reader.Client
	f.t.Cleanup(func() {
		if err := c.Delete(context.WithoutCancel(f.t.Context()), o); err != nil && !apierrors.IsNotFound(err) {
			f.t.Errorf("cleaning up: %v", err)
		}
	})
}

// solutionsNamespace makes the one namespace that a test cannot have of its
// own.
func (f *fixture) solutionsNamespace(annotations ...string) {
	f.t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Namespace}}
	if len(annotations) == 2 {
		ns.Annotations = map[string]string{annotations[0]: annotations[1]}
	}
	f.create(ns)
}

func (f *fixture) configMap(namespace, name string, data, annotations map[string]string) *corev1.ConfigMap {
	f.t.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}, Data: data}
	f.create(cm)
	return cm
}

// lines tells of Environments in a few words, of those that this test made.
func (f *fixture) lines(environments []cluster.Environment) string {
	var lines []string
	for _, e := range environments {
		if !strings.HasPrefix(e.Name, f.prefix) {
			continue
		}
		for _, n := range e.Namespaces {
			line := fmt.Sprintf("%s: %s %q", e.Name, n.Name(), n.Description)
			for _, name := range slices.Sorted(maps.Keys(n.Solutions)) {
				line += " " + name + "@" + n.Solutions[name]
				if n.Webhooks[name] {
					line += " with webhook"
				}
			}
			if n.IngressClass != "" {
				line += " class " + n.IngressClass
			}
			if n.ConfigMap == nil {
				line += " no ConfigMap"
			}
			if n.Terminating() {
				line += " terminating"
			}
			lines = append(lines, line)
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), f.prefix, "$P")
}

func titles(objects []*unstructured.Unstructured) []string {
	var list []string
	for _, u := range objects {
		list = append(list, u.GetKind()+" "+u.GetName())
	}
	return list
}
