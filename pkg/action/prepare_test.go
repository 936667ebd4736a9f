// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// record writes what an Environment wants, as is done by hand.
func (f *fixture) record(namespace string, pairs ...string) {
	f.t.Helper()
	f.edit(configMap(namespace, v1alpha1.EnvironmentConfigMap), func(cm *corev1.ConfigMap) {
		cm.Data = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			cm.Data[pairs[i]] = pairs[i+1]
		}
	})
}

// Prepare follows what is recorded, in all namespaces or in one.
func TestPrepare(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	more := action.Target{Environment: target.Environment, Namespace: target.Environment + "-more"}
	f.ok(f.environments().CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: more}))
	f.record(target.Environment, f.b, "1.0.0")
	f.record(more.Namespace, f.a, "1.0.0")
	f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: more}))
	if !f.exists(deployment(more.Namespace, f.a+"-operator")) || f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Error("not the one namespace alone was prepared")
	}
	r := f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target}))
	if f.exists(deployment(target.Environment, f.a+"-operator")) || !f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Errorf("changes: %q", lines(r))
	}
	// The other Solution had the Role's name until then.
	f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target}))
	f.untouched(func() { f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target})) })
}

// One Solution is refused, and the others are done.
func TestPreparePartial(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	target := f.environment(f.token + "-env")
	f.create("{apiVersion: v1, kind: ServiceAccount, metadata: {name: " + f.a + "-operator, namespace: " + target.Environment + "}}")
	f.record(target.Environment, f.a, "1.0.0", f.b, "1.0.0", f.token+"c", "3.0.0")
	for _, n := range []int{6, 0} { // what the first time has done, the second finds done
		r, err := f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target})
		f.failed(r, err)("namespace "+target.Environment+`: version "3.0.0" of Solution `+f.token+"c is not imported\n"+
			"serviceaccount/"+f.a+"-operator in namespace "+target.Environment+" exists, and belongs to someone else", "kubectl solution get lists what is imported; …")
		f.equal("refusals", len(r.Plan.Refusals), 2)
		f.equal("changes", len(lines(r)), n)
		for _, line := range lines(r) {
			if !strings.Contains(line, f.b) && !strings.Contains(line, "manager-role") {
				t.Errorf("it was to be left out: %s", line)
			}
		}
	}
	if f.exists(deployment(target.Environment, f.a+"-operator")) || !f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Error("not the one Operator alone is there")
	}
	adopt, err := plan.ParseAdoptTarget("serviceaccount/" + f.a + "-operator")
	f.must(err)
	f.record(target.Environment, f.a, "1.0.0", f.b, "1.0.0")
	f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target, Options: action.Options{Options: plan.Options{Adopt: []plan.AdoptTarget{adopt}}}}))
}

// A policy refuses one Solution: it is found in the dry run, and nothing of that Solution is written.
func TestPreparePolicy(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	target := f.environment(f.token + "-env")
	f.policy(target.Environment, f.a+"-operator")
	f.record(target.Environment, f.a, "1.0.0", f.b, "1.0.0")
	r := f.failed(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target}))(
		"deployment.apps/"+f.a+"-operator in namespace "+target.Environment+": …", "what is wanted is recorded; kubectl environment prepare "+target.Environment+" goes on where this ended")
	f.equal("refused", r.Plan.Refusals[0].Scope, plan.Scope{Solution: f.a, Namespace: target.Environment})
	if f.exists(plan.Ref{Version: "v1", Kind: "ServiceAccount", Namespace: target.Environment, Name: f.a + "-operator"}) || !f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Errorf("changes: %q", lines(r))
	}
}

// policy has the API server refuse a Deployment in a namespace.
func (f *fixture) policy(namespace, name string) {
	f.t.Helper()
	const api = "apiVersion: admissionregistration.k8s.io/v1, "
	policy := f.create("{" + api + "kind: ValidatingAdmissionPolicy, metadata: {name: " + f.token + "}, spec: {failurePolicy: Fail, matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]}, " +
		"validations: [{expression: \"object.metadata.name != '" + name + "' && object.metadata.name != 'probe' || object.metadata.namespace != '" + namespace + "'\", message: not here}]}}")
	binding := f.create("{" + api + "kind: ValidatingAdmissionPolicyBinding, metadata: {name: " + f.token + "}, spec: {policyName: " + f.token + ", validationActions: [Deny]}}")
	f.t.Cleanup(func() {
		for _, r := range []plan.Ref{plan.RefOf(binding), plan.RefOf(policy)} {
			if err := f.others.Delete(context.WithoutCancel(f.t.Context()), r.Object()); err != nil {
				f.t.Error(err)
			}
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until it is in force
		probe := deployment(namespace, "probe").Object()
		probe.Object["spec"] = map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "spec": map[string]any{"containers": []any{map[string]any{"name": "a", "image": "b"}}}},
		}
		err := f.others.Create(f.t.Context(), probe, client.DryRunAll)
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return
		}
		if err != nil || time.Now().After(end) {
			f.t.Fatalf("the policy is not in force: %v", err)
		}
	}
}

// A namespace that is being deleted is left out.
func TestPrepareTerminating(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	target := f.environment(f.token + "-env")
	going := action.Target{Environment: target.Environment, Namespace: target.Environment + "-going"}
	f.ok(f.environments().CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: going}))
	f.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: " + going.Namespace + ", finalizers: [example.com/held]}}")
	f.delete(namespace(going.Namespace))
	defer f.release(configMap(going.Namespace, "held"))
	f.record(target.Environment, f.a, "1.0.0")
	r := f.ok(f.environments().Prepare(t.Context(), action.PrepareOptions{Target: target}))
	f.equal("warnings", r.Warnings, []string{"namespace " + going.Namespace + " is being deleted, and is left out"})
	// Of two namespaces, it is not the one that a command without a name is about; alone, it is refused.
	f.ok(f.environments().DeleteSolution(t.Context(), action.DeleteSolutionOptions{Target: action.Target{Environment: target.Environment}, Solution: f.a}))
	f.failed(f.environments().AddSolution(t.Context(), action.AddSolutionOptions{Target: going, Solution: f.a, Version: "1.0.0"}))(
		"namespace "+going.Namespace+" of Environment "+target.Environment+" is being deleted", "wait until it is gone: kubectl wait --for=delete namespace/"+going.Namespace)
}

// It asks before anything is written, and deletes custom resources first.
func TestDeleteEnvironment(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	f.activated(f.a, "1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	f.disk(f.a, target.Environment, "")
	o := action.DeleteEnvironmentOptions{Target: target, WaitOptions: action.WaitOptions{Wait: true, Timeout: time.Minute}}
	f.observer.Answer = func(*plan.Plan) error { return errNo }
	f.untouched(func() {
		f.failed(f.environments().DeleteEnvironment(t.Context(), o))(errNo.Error(), "")
	})
	f.equal("asked", f.observer.Asked[0].Destroys, []string{fmt.Sprintf(
		"deleting namespace %s of Environment %s with everything in it, Solutions %s, and 1 custom resource with everything it owns: disk/one", target.Environment, target.Environment, f.a)})
	o.DryRun = action.DryRunServer
	f.untouched(func() { f.ok(f.environments().DeleteEnvironment(t.Context(), o)) })
	o.DryRun, f.observer.Answer = action.DryRunNone, nil
	writes := f.writes(func() { f.ok(f.environments().DeleteEnvironment(t.Context(), o)) })
	f.equal("first", writes[0], "delete disks."+f.a+".example.com "+target.Environment+"/one: 200")
	f.equal("last", writes[len(writes)-1], "delete namespaces "+target.Environment+": 200")
	if !slices.ContainsFunc(writes, func(text string) bool { return strings.HasPrefix(text, "delete deployments.apps ") }) {
		t.Errorf("written: %q", writes)
	}
	f.equal("asked", len(f.observer.Asked), 2)
	if f.exists(namespace(target.Environment)) {
		t.Error("the namespace is there")
	}
	r, err := f.environments().DeleteEnvironment(t.Context(), o)
	if err != nil || r.Plan != nil {
		t.Errorf("once more: %+v, %v", r, err)
	}
}

// A custom resource that is held keeps the namespace, and what is to clean up after it.
func TestDeleteEnvironmentHeld(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	f.activated(f.a, "1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0")
	f.disk(f.a, target.Environment, ", finalizers: [example.com/held]")
	r := f.failed(f.environments().DeleteEnvironment(t.Context(), action.DeleteEnvironmentOptions{Target: target, WaitOptions: action.WaitOptions{Timeout: time.Second}}))(
		"namespace "+target.Environment+": timed out waiting for disk."+f.a+".example.com/one in namespace "+target.Environment+": being deleted, held by finalizers example.com/held", "it goes on without this command; …")
	f.equal("deleted", lines(r), []string{"delete disk." + f.a + ".example.com/one in namespace " + target.Environment})
	if !f.exists(deployment(target.Environment, f.a+"-operator")) {
		t.Error("the Operator is gone")
	}
	f.release(plan.Ref{Group: f.a + ".example.com", Version: "v1", Kind: "Disk", Namespace: target.Environment, Name: "one"})
	if _, err := f.environments().Namespaces(t.Context(), action.Target{Environment: f.token + "-no"}); !errors.Is(err, action.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
