// SPDX-License-Identifier: Apache-2.0

package action_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func namespace(name string) plan.Ref { return plan.Ref{Version: "v1", Kind: "Namespace", Name: name} }

func TestCreateEnvironment(t *testing.T) {
	f := newFixture(t)
	name, text, class := f.token+"-env", "first", "nginx"
	e := f.environments()
	r := f.ok(e.CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: action.Target{Environment: name}, Description: &text, IngressClass: &class}))
	f.equal("changes", lines(r), []string{"create configmap/metalk8s-environment in namespace " + name, "create namespace/" + name})
	more := action.Target{Environment: name, Namespace: name + "-more"}
	f.ok(e.CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: more}))
	// What is not given stays as it is, and what is given is changed.
	f.untouched(func() {
		f.ok(e.CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: action.Target{Environment: name}}))
	})
	text = "second"
	r = f.ok(e.CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: action.Target{Environment: name}, Description: &text}))
	f.equal("changes", lines(r), []string{"update namespace/" + name})
	found, err := f.cluster.Environment(t.Context(), name)
	f.must(err)
	f.equal("namespaces", len(found.Namespaces), 2)
	f.equal("of the first", found.Namespaces[0].Description+" "+found.Namespaces[0].IngressClass, "second nginx")
	for _, dryRun := range []action.DryRun{action.DryRunClient, action.DryRunServer} {
		f.untouched(func() {
			r := f.ok(e.CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{
				Target: action.Target{Environment: f.token + "-other"}, Options: action.Options{DryRun: dryRun},
			}))
			f.equal("planned", len(r.Plan.Changes), 2)
		})
	}
}

func TestCreateEnvironmentRefused(t *testing.T) {
	f := newFixture(t)
	f.environment(f.token + "-env")
	f.create("{apiVersion: v1, kind: Namespace, metadata: {name: " + f.token + "-plain}}")
	going := namespace(f.token + "-going")
	f.create("{apiVersion: v1, kind: Namespace, metadata: {name: " + going.Name + "}}")
	f.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: " + going.Name + ", finalizers: [example.com/held]}}")
	f.delete(going)
	defer f.release(configMap(going.Name, "held"))
	for _, tt := range []struct{ environment, namespace, err, hint string }{
		{f.token + "-x", f.token + "-plain", "namespace " + f.token + "-plain exists already, and is not taken over", "choose another one: --namespace NAME"},
		{f.token + "-x", f.token + "-env", "namespace " + f.token + "-env belongs to Environment " + f.token + "-env", "choose another one: --namespace NAME"},
		{f.token + "-x", going.Name, "namespace " + going.Name + " is being deleted", "wait until it is gone: kubectl wait --for=delete namespace/" + going.Name},
		{"", "", `invalid Environment name "": it becomes the value of a label`, "use letters, digits and any of - _ . between them, at most 63"},
		{"Two_Words", "", `invalid namespace name "Two_Words": …`, "give one: --namespace NAME"},
		{strings.Repeat("x", 64), "", "invalid Environment name …", "use letters, …"},
	} {
		f.untouched(func() {
			f.failed(f.environments().CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{
				Target: action.Target{Environment: tt.environment, Namespace: tt.namespace},
			}))(tt.err, tt.hint)
		})
	}
}

// Operations on what does not exist, or is someone else's.
func TestNoEnvironment(t *testing.T) {
	f := newFixture(t)
	f.environment(f.token + "-env")
	f.create("{apiVersion: v1, kind: Namespace, metadata: {name: " + f.token + "-plain}}")
	many := f.token + "-many"
	for _, n := range []string{"-1", "-2"} {
		f.ok(f.environments().CreateEnvironment(t.Context(), action.CreateEnvironmentOptions{Target: action.Target{Environment: many, Namespace: many + n}}))
	}
	no := f.token + "-no"
	const list = "kubectl environment get lists the namespaces of Environments"
	for _, tt := range []struct {
		target    action.Target
		err, hint string
	}{
		{action.Target{Environment: no}, `environment "` + no + `" not found`, "kubectl environment get lists those that exist; kubectl environment create " + no + " makes it"},
		{action.Target{Environment: no, Namespace: no}, `namespace "` + no + `" not found`, list},
		{action.Target{Environment: no, Namespace: f.token + "-env"}, "namespace " + f.token + "-env belongs to Environment " + f.token + "-env, not to " + no, list},
		{action.Target{Environment: no, Namespace: f.token + "-plain"}, "namespace " + f.token + "-plain does not belong to Environment " + no + ", nor to any other", list},
		{action.Target{Environment: many}, "environment " + many + " has 2 namespaces, and none of them has its name", "say which: --namespace " + many + "-1 or --namespace " + many + "-2"},
	} {
		f.untouched(func() {
			e := f.environments()
			f.failed(e.AddSolution(t.Context(), action.AddSolutionOptions{Target: tt.target, Solution: f.a, Version: "1.0.0"}))(tt.err, tt.hint)
			f.failed(e.DeleteSolution(t.Context(), action.DeleteSolutionOptions{Target: tt.target, Solution: f.a}))(tt.err, tt.hint)
			if tt.target.Environment == many {
				return
			}
			f.failed(e.Prepare(t.Context(), action.PrepareOptions{Target: tt.target}))(tt.err, tt.hint)
			if r, err := e.DeleteEnvironment(t.Context(), action.DeleteEnvironmentOptions{Target: tt.target}); strings.Contains(tt.err, "not found") {
				if r.Plan != nil || err != nil {
					t.Errorf("deleting what is not there: %+v, %v", r, err)
				}
			} else {
				f.failed(r, err)(tt.err, tt.hint)
			}
		})
	}
}

func TestAddSolution(t *testing.T) {
	f := newFixture(t)
	f.archive(f.a, "1.1.0", withUI)
	f.imported(f.a+" 1.0.0", f.a+" 1.1.0")
	target := f.environment(f.token + "-env")
	webhook := true
	o := action.AddSolutionOptions{Target: target, Solution: f.a, Version: "1.0.0", Webhook: &webhook}
	r := f.ok(f.environments().AddSolution(t.Context(), o))
	f.equal("warnings", r.Warnings, []string{"no version of Solution " + f.a + " is active, so its custom resources are not defined: kubectl solution activate " + f.a})
	f.equal("rights", len(r.Plan.Rights), 1)
	f.equal("steps", f.observer.Steps[len(f.observer.Steps)-1], "checking what is to be changed")
	f.untouched(func() { f.ok(f.environments().AddSolution(t.Context(), o)) })
	// The webhook stays as it is recorded, and the UI comes with the version that has one.
	f.activated(f.a, "1.1.0")
	o.Version, o.Webhook = "1.1.0", nil
	r = f.ok(f.environments().AddSolution(t.Context(), o))
	f.equal("warnings", len(r.Warnings), 0)
	u := deployment(target.Environment, f.a+"-operator").Object()
	f.must(f.others.Get(t.Context(), client.ObjectKeyFromObject(u), u))
	f.equal("version", u.GetLabels()[v1alpha1.VersionLabel], "1.1.0")
	if text := toYAML(u); !strings.Contains(text, f.a+"-cert") || !f.exists(deployment(target.Environment, f.a+"-ui")) {
		t.Errorf("no certificate, or no UI: %s", text)
	}
	webhook = false
	o.Version, o.Webhook = "1.0.0", &webhook
	f.ok(f.environments().AddSolution(t.Context(), o))
	if f.exists(deployment(target.Environment, f.a+"-ui")) {
		t.Error("the UI is still there")
	}
}

func TestAddSolutionRefused(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	target := f.environment(f.token + "-env")
	add := func(e *action.Environments, solution, version string) func(text, remedy string) *action.Result {
		return f.failed(e.AddSolution(t.Context(), action.AddSolutionOptions{Target: target, Solution: solution, Version: version}))
	}
	where := "namespace " + target.Environment + ": "
	f.untouched(func() {
		add(f.environments(), f.a, "2.0.0")(where+`version "2.0.0" of Solution `+f.a+" is not imported", "imported versions are: 1.0.0")
		add(f.environments(), f.b, "1.0.0")(where+`version "1.0.0" of Solution `+f.b+" is not imported",
			"kubectl solution get lists what is imported; kubectl solution import ARCHIVE adds to it")
		add(f.environments(), "No_Name", "1.0.0")("Solution No_Name in "+where+`invalid name "No_Name" of a Solution: …`, "")
		named := action.Target{Environment: target.Environment, Namespace: target.Environment}
		f.failed(f.as(f.token+"-nobody").AddSolution(t.Context(), action.AddSolutionOptions{Target: target, Solution: f.a, Version: "1.0.0"}))(
			"listing the namespaces of Environments: …", "with rights in a namespace of your own only, name it: --namespace NAMESPACE")
		f.failed(f.as(f.token+"-nobody").AddSolution(t.Context(), action.AddSolutionOptions{Target: named, Solution: f.a, Version: "1.0.0"}))("reading namespace "+target.Environment+": …", "")
	})
	// Older tooling records no content, and what was made by hand is no record.
	f.delete(configMap(v1alpha1.Namespace, "solution-"+f.a+"-1.0.0"))
	f.untouched(func() {
		add(f.environments(), f.a, "1.0.0")(where+"solution "+f.a+" version 1.0.0 was imported by other tooling, and the cluster does not record what is needed to deploy it",
			"have a cluster administrator run once: kubectl solution sync")
	})
	f.edit(catalog, func(cm *corev1.ConfigMap) { cm.Data[f.a] = "{" })
	f.untouched(func() {
		add(f.environments(), f.a, "1.0.0")("namespace metalk8s-solutions: reading key "+f.a+" of ConfigMap metalk8s-solutions: …", "kubectl solution sync writes it again, …")
	})
}

// Who has rights in a namespace of an Environment only needs to read the catalog as well.
func TestCatalogForbidden(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	target := f.environment(f.token + "-env")
	target.Namespace = target.Environment
	user := f.token + "-team"
	for _, text := range []string{
		"kind: RoleBinding, metadata: {name: team, namespace: NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}",
		"kind: ClusterRole, metadata: {name: USER}, rules: [{apiGroups: [''], resources: [namespaces], resourceNames: [NS], verbs: [get]}]",
		"kind: ClusterRoleBinding, metadata: {name: USER}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: USER}",
	} {
		if strings.Contains(text, "Binding") {
			text += ", subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: USER}]"
		}
		f.create("{apiVersion: rbac.authorization.k8s.io/v1, " + strings.NewReplacer("NS", target.Environment, "USER", user).Replace(text) + "}")
	}
	o := action.AddSolutionOptions{Target: target, Solution: f.a, Version: "1.0.0"}
	f.untouched(func() {
		f.failed(f.as(user).AddSolution(t.Context(), o))("reading the imported Solutions: …",
			"to deploy Solutions, you must be allowed to read ConfigMaps in namespace metalk8s-solutions: docs/rights.md has a Role for it")
	})
	f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: " + user + ", namespace: metalk8s-solutions}, rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list]}]}")
	f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: " + user + ", namespace: metalk8s-solutions}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: " + user +
		"}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user + "}]}")
	// The Operator's rights on nodes are for a cluster administrator to grant: all of it is refused before anything is written.
	f.untouched(func() {
		f.failed(f.as(user).AddSolution(t.Context(), o))("rolebinding.rbac.authorization.k8s.io/"+f.a+"-operator-clusterrole-"+f.a+"-nodes in namespace "+target.Environment+": missing rights: …",
			"have a cluster administrator run this command, or bind you to ClusterRole "+plan.DeployerRole+" in the namespace (docs/rights.md)")
	})
	f.create("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: deployer, namespace: " + target.Environment + "}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '" + plan.DeployerRole +
		"'}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user + "}]}")
	f.ok(f.as(user).AddSolution(t.Context(), o))
	if !f.exists(deployment(target.Environment, f.a+"-operator")) {
		t.Error("the Operator is not there")
	}
}

// There is no kubelet, so nothing becomes ready.
func TestAddSolutionWait(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a + " 1.0.0")
	target := f.environment(f.token + "-env")
	r := f.failed(f.environments().AddSolution(t.Context(), action.AddSolutionOptions{
		Target: target, Solution: f.a, Version: "1.0.0", WaitOptions: action.WaitOptions{Wait: true, Timeout: time.Second},
	}))("environment "+target.Environment+": timed out waiting for deployment.apps/"+f.a+"-operator in namespace "+target.Environment+": …",
		"it goes on without this command; kubectl describe deployment.apps/"+f.a+"-operator --namespace "+target.Environment+" tells more")
	f.equal("deployed", len(lines(r)), 7)
	if text := strings.Join(f.observer.Steps, "\n"); !strings.Contains(text, "deployment.apps/"+f.a+"-operator: ") {
		t.Errorf("steps: %s", text)
	}
}

func TestDeleteSolution(t *testing.T) {
	f := newFixture(t)
	f.imported(f.a+" 1.0.0", f.b+" 1.0.0")
	f.activated(f.a, "1.0.0")
	target := f.environment(f.token+"-env", f.a+" 1.0.0", f.b+" 1.0.0")
	f.disk(f.a, target.Environment, "")
	o := action.DeleteSolutionOptions{Target: target, Solution: f.a, WaitOptions: action.WaitOptions{Wait: true, Timeout: time.Minute}}
	r := f.ok(f.environments().DeleteSolution(t.Context(), o))
	f.equal("warnings", r.Warnings, []string{"1 custom resource left in namespace " + target.Environment + ", with no Operator to look after: disk/one"})
	f.equal("recorded", f.data(configMap(target.Environment, v1alpha1.EnvironmentConfigMap)), map[string]string{f.b: "1.0.0"})
	if f.exists(deployment(target.Environment, f.a+"-operator")) || !f.exists(deployment(target.Environment, f.b+"-operator")) {
		t.Error("not the Operator of the one Solution alone is gone")
	}
	f.equal("asked", len(f.observer.Asked), 0)
	f.untouched(func() { f.ok(f.environments().DeleteSolution(t.Context(), o)) })
}

func toYAML(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
