// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// environmentNamespace is one of Environment staging.
func environmentNamespace() *unstructured.Unstructured {
	return plan.EnvironmentNamespace("staging", "staging-ns", "")
}

// Custom resources go first, while their Operators are there to clean up; what an
// Operator needs for that goes last.
func TestDeletionOfANamespace(t *testing.T) {
	disk := parseObjects(t, `{apiVersion: example.com/v1, kind: Disk, metadata: {name: d, namespace: staging-ns}}`)
	p := plan.Deletion(plan.DeletionInput{
		Namespace: environmentNamespace(), Live: plan.NewLive(live(t, "ours")[:10]...), CustomResources: disk, Wait: true,
	})
	expect(t, p, `
		delete disk.example.com/d @/staging-ns
		delete ingress.networking.k8s.io/example-solution-ui @/staging-ns
		delete service/example-solution-ui @/staging-ns
		delete deployment.apps/example-solution-operator @/staging-ns
		delete deployment.apps/example-solution-ui @/staging-ns
		delete configmap/example-solution-operator-config @/staging-ns
		delete configmap/example-solution-ui @/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @/staging-ns
		delete role.rbac.authorization.k8s.io/example-role @/staging-ns
		delete serviceaccount/example-solution-operator @/staging-ns
		delete namespace/staging-ns @/staging-ns`)
	for _, c := range p.Changes {
		wait := plan.WaitNothing
		if c.Object.Kind == "Disk" || c.Object.Kind == "Namespace" {
			wait = plan.WaitGone
		}
		if c.Wait != wait {
			t.Errorf("%s: wait %d", c.Object, c.Wait)
		}
	}
	p = plan.Deletion(plan.DeletionInput{Namespace: environmentNamespace(), Live: plan.NewLive()})
	expect(t, p, "delete namespace/staging-ns @/staging-ns")
	if p.Changes[0].Wait != plan.WaitNothing {
		t.Error("it is waited for")
	}
}

// What is not this project's goes with the namespace; what the older tooling left
// of Solutions that are recorded goes before it.
func TestDeletionOfANamespaceOfOlderTooling(t *testing.T) {
	in := plan.DeletionInput{Namespace: environmentNamespace(), Live: plan.NewLive(append(live(t, "older"), live(t, "strangers")[0])...)}
	expect(t, plan.Deletion(in), "delete namespace/staging-ns @/staging-ns")
	// Nor is it known what an object is that no Solution is named on.
	in.Live.Add(parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: staging-ns, labels: {app.kubernetes.io/managed-by: kubectl-solution}}}`)...)
	in.Solutions = []string{"example-solution"}
	expect(t, plan.Deletion(in), `
		delete service/example-solution-ui @/staging-ns
		delete deployment.apps/example-solution-operator @/staging-ns
		delete deployment.apps/example-solution-ui @/staging-ns
		delete configmap/example-solution-operator-config @/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-gone-role @/staging-ns
		delete serviceaccount/example-solution-operator @/staging-ns
		delete namespace/staging-ns @/staging-ns`)
}
