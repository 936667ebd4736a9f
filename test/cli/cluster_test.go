// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
)

// What scripts make, and so what is looked at and removed.
var (
	namespacesResource   = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	definitionsResource  = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	clusterRolesResource = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	namespacedResources  = []schema.GroupVersionResource{
		{Version: "v1", Resource: "configmaps"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "serviceaccounts"},
		{Version: "v1", Resource: "services"},
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	}
	// madeByControllers go with what they are made for, except when a namespace
	// is taken away under them.
	madeByControllers = []schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "replicasets"},
		{Version: "v1", Resource: "pods"},
		{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
		{Version: "v1", Resource: "events"},
	}
)

const managed = v1alpha1.ManagedByLabel + "=" + v1alpha1.FieldManager

// testCluster is the cluster that scripts work on.
type testCluster struct {
	server *apiserver.Server
	client dynamic.Interface
	ctx    context.Context //nolint:containedctx // that of the test: commands of scripts have none
}

// newCluster returns the cluster of the test process. On one that is not the
// tests' own it makes sure that nobody's Solutions will be removed.
func newCluster(t *testing.T) *testCluster {
	t.Helper()
	server := apiserver.Need(t)
	client, err := dynamic.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCluster{server: server, client: client, ctx: context.WithoutCancel(t.Context())}
	if os.Getenv(apiserver.EnvUseExisting) == "true" {
		if names := c.namespaces(t); len(names) > 0 {
			t.Fatalf("the cluster has Environments or Solutions, or namespaces cli-…, that these tests would remove: %q", names)
		}
	}
	t.Cleanup(func() { c.clean(t) })
	return c
}

// isOurs says that a namespace is one that a script made.
func isOurs(namespace *unstructured.Unstructured) bool {
	_, isEnvironment := namespace.GetLabels()[v1alpha1.EnvironmentLabel]
	name := namespace.GetName()
	return isEnvironment || name == v1alpha1.Namespace || strings.HasPrefix(name, "cli-")
}

func (c *testCluster) namespaces(t testing.TB) []string {
	t.Helper()
	list, err := c.client.Resource(namespacesResource).List(c.ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		if isOurs(&list.Items[i]) {
			names = append(names, list.Items[i].GetName())
		}
	}
	return names
}

// clean removes what the script before has left.
func (c *testCluster) clean(t testing.TB) {
	t.Helper()
	var failed []error
	for _, resource := range []schema.GroupVersionResource{definitionsResource, clusterRolesResource} {
		failed = append(failed, c.client.Resource(resource).DeleteCollection(c.ctx, metav1.DeleteOptions{},
			metav1.ListOptions{LabelSelector: managed}))
	}
	for _, name := range c.namespaces(t) {
		failed = append(failed, c.removeNamespace(name))
	}
	for _, err := range failed {
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatalf("cleaning the cluster: %v", err)
		}
	}
	c.waitClean(t)
}

// removeNamespace does what the namespace controller would begin to do in five
// seconds.
func (c *testCluster) removeNamespace(name string) error {
	err := c.client.Resource(namespacesResource).Delete(c.ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsConflict(err) {
		return err
	}
	now := int64(0)
	for _, resource := range append(append([]schema.GroupVersionResource{}, namespacedResources...), madeByControllers...) {
		err := c.client.Resource(resource).Namespace(name).DeleteCollection(c.ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	ns, err := c.client.Resource(namespacesResource).Get(c.ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	unstructured.RemoveNestedField(ns.Object, "spec", "finalizers")
	_, err = c.client.Resource(namespacesResource).Update(c.ctx, ns, metav1.UpdateOptions{}, "finalize")
	return err
}

func (c *testCluster) waitClean(t testing.TB) {
	t.Helper()
	const patience = time.Minute // on a machine that is busy
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		names := c.namespaces(t)
		list, err := c.client.Resource(definitionsResource).List(c.ctx, metav1.ListOptions{LabelSelector: managed})
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 && len(list.Items) == 0 {
			return
		}
		if time.Since(start) > patience {
			t.Fatalf("still there: namespaces %q, %d CustomResourceDefinitions", names, len(list.Items))
		}
	}
}
