// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// deploy plans a version of example-solution in namespace staging-ns, where these
// objects are.
func deploy(t *testing.T, target plan.Target, objects []*unstructured.Unstructured, adopt ...string) *plan.Plan {
	t.Helper()
	in := plan.NamespaceInput{Namespace: "staging-ns", Targets: []plan.Target{target}, Live: plan.NewLive(objects...)}
	in.Options.Adopt = adoptTargets(t, adopt...)
	p := plan.Namespace(in)
	p.Rights = nil // tested elsewhere
	return p
}

func adoptTargets(t *testing.T, texts ...string) []plan.AdoptTarget {
	t.Helper()
	var list []plan.AdoptTarget
	for _, text := range texts {
		a, err := plan.ParseAdoptTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

func TestDeployIntoAnEmptyNamespace(t *testing.T) {
	expect(t, deploy(t, targets()["full"], nil), `
		create role.rbac.authorization.k8s.io/example-role @example-solution/staging-ns
		create serviceaccount/example-solution-operator @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @example-solution/staging-ns
		create configmap/example-solution-operator-config @example-solution/staging-ns
		create configmap/example-solution-ui @example-solution/staging-ns
		create deployment.apps/example-solution-operator @example-solution/staging-ns
		create deployment.apps/example-solution-ui @example-solution/staging-ns
		create service/example-solution-ui @example-solution/staging-ns
		create ingress.networking.k8s.io/example-solution-ui @example-solution/staging-ns`)
}

func TestDeployAgain(t *testing.T) {
	p := deploy(t, targets()["full"], live(t, "ours"))
	expect(t, p, "10 unchanged")
	if !p.IsEmpty() {
		t.Error("the plan is not empty")
	}
}

// Another version: only what differs is written, without force, and what is not
// wanted any more goes.
func TestDeployAnotherVersion(t *testing.T) {
	next := target("1.1.0", func(t *plan.Target) {
		t.Versions = append(t.Versions, version("1.0.0"))
		t.Content.UI = nil
		t.Content.Roles = []map[string]any{clusterRole("example-nodes"), role("another-role")}
	})
	expect(t, deploy(t, next, live(t, "ours")), `
		create role.rbac.authorization.k8s.io/another-role @example-solution/staging-ns
		update serviceaccount/example-solution-operator @example-solution/staging-ns: metadata.labels
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes-6906764e @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-another-role @example-solution/staging-ns
		update configmap/example-solution-operator-config @example-solution/staging-ns: data[operator.yaml], metadata.annotations[solutions.metalk8s.scality.com/config-digest], metadata.labels
		update deployment.apps/example-solution-operator @example-solution/staging-ns: metadata.annotations[solutions.metalk8s.scality.com/config-digest], metadata.labels, spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest], spec.template.metadata.labels, spec.template.spec.containers[example-solution-operator].image
		delete ingress.networking.k8s.io/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete service/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete deployment.apps/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete configmap/example-solution-ui @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @example-solution/staging-ns (no longer wanted)
		delete role.rbac.authorization.k8s.io/example-role @example-solution/staging-ns (no longer wanted)`)
}

// replicas are whose who scales: whatever it is that they scale with.
func TestScaledDeploymentsStay(t *testing.T) {
	expect(t, deploy(t, targets()["full"], live(t, "scaled")), `
		none deployment.apps/example-solution-operator @example-solution/staging-ns: kept spec.replicas of kubectl
		none deployment.apps/example-solution-ui @example-solution/staging-ns: kept spec.replicas of someone else
		8 unchanged`)
	// Another field that changes does not take replicas along.
	p := deploy(t, target("1.0.0", func(t *plan.Target) { t.Webhook = true }), live(t, "scaled"))
	for _, c := range p.Changes {
		if c.Object.Kind == "Deployment" && c.Writes() {
			if _, found, _ := unstructured.NestedFieldNoCopy(c.Manifest.Object, "spec", "replicas"); found || len(c.Kept) != 1 {
				t.Errorf("%s is written with replicas: %s", c.Object, render(p))
			}
		}
	}
}

func TestFieldsOfOthersAreNotOverwritten(t *testing.T) {
	expect(t, deploy(t, targets()["full"], live(t, "edited")), `
		update service/example-solution-ui @example-solution/staging-ns: spec.ports[80,TCP]
		6 unchanged
		refused @example-solution/staging-ns: role.rbac.authorization.k8s.io/example-role in namespace staging-ns: field rules is [{"apiGroups":[""],"resources":["secrets"],"verbs":["*"]}], set by kubectl-edit | to overwrite: --adopt role/example-role
		refused @example-solution/staging-ns: deployment.apps/example-solution-operator in namespace staging-ns: field spec.template.spec.containers[example-solution-operator].image is "other:1", set by kubectl-edit | to overwrite: --adopt deployment/example-solution-operator
		refused @example-solution/staging-ns: configmap/example-solution-ui in namespace staging-ns: field data[config.json] is "{\"url\": \"/api/other\"}", set by kubectl-edit | to overwrite: --adopt configmap/example-solution-ui`)
	expect(t, deploy(t, targets()["full"], live(t, "edited"), "deploy/example-solution-operator", "role/example-role", "cm/example-solution-ui", "svc/example-solution-ui"), `
		update role.rbac.authorization.k8s.io/example-role @example-solution/staging-ns force: rules
		update configmap/example-solution-ui @example-solution/staging-ns force: data[config.json]
		update deployment.apps/example-solution-operator @example-solution/staging-ns force: spec.template.spec.containers[example-solution-operator].image
		update service/example-solution-ui @example-solution/staging-ns: spec.ports[80,TCP]
		6 unchanged`)
}

// Its field managers own what they have set also once it is taken over: that is
// no conflict with somebody else.
func TestUpgradeOfWhatWasTakenOver(t *testing.T) {
	objects := live(t, "older")
	for _, u := range objects {
		u.SetLabels(map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.FieldManager, v1alpha1.PartOfLabel: "example-solution",
			v1alpha1.VersionLabel: "0.9.0", "heritage": "salt",
		})
	}
	p := deploy(t, targets()["full"], objects)
	if len(p.Refusals) > 0 {
		t.Errorf("refused: %v", p.Refusals)
	}
	for _, c := range p.Changes {
		if c.Action == plan.Update && !c.Force {
			t.Errorf("%s is not forced", c.Object)
		}
	}
}

// What this project has set by a patch counts, for the server, as set by another
// manager.
func TestOwnUpdatesAreOverwritten(t *testing.T) {
	expect(t, deploy(t, targets()["full"], live(t, "told")), `
		update configmap/example-solution-operator-config @example-solution/staging-ns force: data[operator.yaml], metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		update deployment.apps/example-solution-operator @example-solution/staging-ns force: spec.template.metadata.annotations[solutions.metalk8s.scality.com/config-digest]
		8 unchanged`)
}

func TestTakingOverFromOlderTooling(t *testing.T) {
	expect(t, deploy(t, targets()["full"], live(t, "older")), `
		update role.rbac.authorization.k8s.io/example-role @example-solution/staging-ns force: metadata.annotations, metadata.labels, rules
		update serviceaccount/example-solution-operator @example-solution/staging-ns force: metadata.labels
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes-94ae588f @example-solution/staging-ns
		update rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role @example-solution/staging-ns force: metadata.labels
		update configmap/example-solution-operator-config @example-solution/staging-ns force: data[operator.yaml], metadata.annotations, metadata.labels
		create configmap/example-solution-ui @example-solution/staging-ns
		update deployment.apps/example-solution-operator @example-solution/staging-ns force: metadata.annotations[solutions.metalk8s.scality.com/config-digest], metadata.labels, spec.template.metadata.annotations, spec.template.metadata.labels, spec.template.spec.containers[example-solution-operator].env[POD_NAME], spec.template.spec.containers[example-solution-operator].env[OPERATOR_NAME], spec.template.spec.containers[example-solution-operator].image, spec.template.spec.containers[example-solution-operator].volumeMounts[/etc/config].name, spec.template.spec.containers[example-solution-operator].volumeMounts[/etc/config].readOnly, spec.template.spec.volumes[config]
		replace deployment.apps/example-solution-ui @example-solution/staging-ns (spec.selector differs, and is immutable)
		update service/example-solution-ui @example-solution/staging-ns force: metadata.labels, spec.selector
		create ingress.networking.k8s.io/example-solution-ui @example-solution/staging-ns
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns (no longer wanted)
		delete rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-gone-role @example-solution/staging-ns (no longer wanted)
		delete role.rbac.authorization.k8s.io/gone-role @example-solution/staging-ns (no longer wanted)`)
}

func TestObjectsOfStrangersAreRefused(t *testing.T) {
	expect(t, deploy(t, targets()["full"], live(t, "strangers")), `
		create role.rbac.authorization.k8s.io/example-solution:example-role @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role-452c8b44 @example-solution/staging-ns
		create configmap/example-solution-operator-config @example-solution/staging-ns
		create deployment.apps/example-solution-ui @example-solution/staging-ns
		create ingress.networking.k8s.io/example-solution-ui @example-solution/staging-ns
		refused @example-solution/staging-ns: serviceaccount/example-solution-operator in namespace staging-ns exists, and belongs to someone who used kubectl apply | to take it over: --adopt serviceaccount/example-solution-operator
		refused @example-solution/staging-ns: deployment.apps/example-solution-operator in namespace staging-ns exists, and belongs to someone who used kubectl-create | to take it over: --adopt deployment/example-solution-operator
		refused @example-solution/staging-ns: configmap/example-solution-ui in namespace staging-ns exists, and belongs to someone who used kubectl-create | to take it over: --adopt configmap/example-solution-ui
		refused @example-solution/staging-ns: service/example-solution-ui in namespace staging-ns exists, and belongs to Helm release staging-ns/web | to take it over: --adopt service/example-solution-ui
		warning: Role example-role of Solution example-solution is deployed as example-solution:example-role in namespace staging-ns: the name is taken`)
	adopted := []string{"serviceaccount/" + theOperator, "configmaps/" + theUI, "services/" + theUI, "deployment.apps/" + theOperator}
	expect(t, deploy(t, targets()["full"], live(t, "strangers"), adopted...), `
		create role.rbac.authorization.k8s.io/example-solution:example-role @example-solution/staging-ns
		update serviceaccount/example-solution-operator @example-solution/staging-ns force from someone who used kubectl apply: metadata.labels
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-clusterrole-example-nodes @example-solution/staging-ns
		create rolebinding.rbac.authorization.k8s.io/example-solution-operator-role-example-role-452c8b44 @example-solution/staging-ns
		create configmap/example-solution-operator-config @example-solution/staging-ns
		update configmap/example-solution-ui @example-solution/staging-ns force from someone who used kubectl-create: data[config.json], data[theme.json], metadata.labels
		replace deployment.apps/example-solution-operator @example-solution/staging-ns from someone who used kubectl-create (its pods have containers or volumes of its owner, which would stay)
		create deployment.apps/example-solution-ui @example-solution/staging-ns
		update service/example-solution-ui @example-solution/staging-ns force from Helm release staging-ns/web: metadata.labels, spec.ports[80,TCP].targetPort, spec.selector
		create ingress.networking.k8s.io/example-solution-ui @example-solution/staging-ns
		warning: Role example-role of Solution example-solution is deployed as example-solution:example-role in namespace staging-ns: the name is taken`)
}

func TestObjectThatIsBeingDeleted(t *testing.T) {
	objects := live(t, "ours")
	service := unstructuredOf(t, objects, "Service", theUI).DeepCopy()
	now := metav1.Now()
	service.SetDeletionTimestamp(&now)
	expect(t, deploy(t, targets()["full"], replaced(objects, service)), `
		9 unchanged
		refused @example-solution/staging-ns: service/example-solution-ui in namespace staging-ns is being deleted | wait until it is gone: kubectl wait --for=delete service/example-solution-ui --namespace staging-ns`)
}

func TestSelectorIsImmutable(t *testing.T) {
	objects := live(t, "ours")
	other := with(unstructuredOf(t, objects, "Deployment", theUI), "x", "spec", "selector", "matchLabels", "app")
	expect(t, deploy(t, targets()["full"], replaced(objects, other)), `
		replace deployment.apps/example-solution-ui @example-solution/staging-ns (spec.selector differs, and is immutable)
		9 unchanged`)
	theirs := labelled(other, "app.kubernetes.io/part-of", "another")
	expect(t, deploy(t, targets()["full"], replaced(objects, theirs), "deployment/"+theUI), `
		9 unchanged
		refused @example-solution/staging-ns: deployment.apps/example-solution-ui in namespace staging-ns exists, and belongs to Solution another; its spec.selector is immutable, so it cannot be taken over | if nobody needs it, delete it: kubectl delete deployment example-solution-ui --namespace staging-ns`)
}

// What is found in a map comes in one order.
func TestFieldsAreInOrder(t *testing.T) {
	recorded := live(t, "ours")
	wanted := target("1.0.0", nil)
	first := ""
	for range 20 {
		deployment := container(func(c map[string]any) {
			for _, name := range []string{"A", "B", "C"} {
				c["env"] = append(c["env"].([]any), map[string]any{"name": name, "value": "1"})
			}
		})(unstructuredOf(t, recorded, "Deployment", theOperator))
		fields := deployment.GetManagedFields()
		text := strings.Replace(fields[0].FieldsV1.GetRawString(), `"f:env":{`, `"f:env":{"k:{\"name\":\"A\"}":{".":{}},"k:{\"name\":\"B\"}":{".":{}},"k:{\"name\":\"C\"}":{".":{}},`, 1)
		fields[0].FieldsV1 = metav1.NewFieldsV1(text)
		deployment.SetManagedFields(fields)
		got := render(deploy(t, wanted, replaced(recorded, deployment)))
		if first == "" {
			first = got
		}
		if got != first || !strings.Contains(got, "env[A], spec.template.spec.containers[example-solution-operator].env[B], ") {
			t.Fatalf("%s\nand before\n%s", got, first)
		}
	}
}

func TestParseAdoptTarget(t *testing.T) {
	deployment := plan.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "a", Name: "storage-ui"}
	ingress := plan.Ref{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress", Namespace: "a", Name: "storage-ui"}
	definition := plan.Ref{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: "disks.example.com"}
	for text, want := range map[string]plan.Ref{
		"deployment/storage-ui":                       deployment,
		"Deployment/storage-ui":                       deployment,
		"deployments/storage-ui":                      deployment,
		"deploy/storage-ui":                           deployment,
		"deployment.apps/storage-ui":                  deployment,
		"deployments.apps/storage-ui":                 deployment,
		"ing/storage-ui":                              ingress,
		"ingress/storage-ui":                          ingress,
		"ingresses/storage-ui":                        ingress,
		"ingresses.networking.k8s.io/storage-ui":      ingress,
		"crd/disks.example.com":                       definition,
		"customresourcedefinitions/disks.example.com": definition,
		"customresourcedefinition.apiextensions.k8s.io/disks.example.com": definition,
		"cm/a":             {Version: "v1", Kind: "ConfigMap", Name: "a"},
		"sa/a":             {Version: "v1", Kind: "ServiceAccount", Name: "a"},
		"svc/a":            {Version: "v1", Kind: "Service", Name: "a"},
		"ns/a":             {Version: "v1", Kind: "Namespace", Name: "a"},
		"clusterroles/a:b": {Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole", Name: "a:b"},
	} {
		options := plan.Options{Adopt: adoptTargets(t, text)}
		if !plan.Adopts(options, want) {
			t.Errorf("%s is not %s", text, want)
		}
		other := want
		other.Name += "x"
		if plan.Adopts(options, other) {
			t.Errorf("%s is also %s", text, other)
		}
	}
	for _, text := range []string{"deployment.extensions/storage-ui", "service/storage-ui", "deploymen/storage-ui"} {
		if plan.Adopts(plan.Options{Adopt: adoptTargets(t, text)}, deployment) {
			t.Errorf("%s is %s", text, deployment)
		}
	}
	for _, text := range []string{"", "a", "/", "deployment/", "/storage-ui"} {
		_, err := plan.ParseAdoptTarget(text)
		checkError(t, err, `"`+text+`"`, "must be KIND/NAME")
	}
}

// A field that is missing is set, unless someone owns that it is.
func TestMissingFields(t *testing.T) {
	objects := live(t, "ours")
	account := with(unstructuredOf(t, objects, "ServiceAccount", theOperator), nil, "metadata", "labels", "app")
	around := managedBy(account, `other Update {"f:metadata":{"f:labels":{"f:app.kubernetes.io/name":{}}}}`)
	expect(t, deploy(t, targets()["full"], replaced(objects, around)), `
		update serviceaccount/example-solution-operator @example-solution/staging-ns: metadata.labels
		9 unchanged`)
	theirs := managedBy(account, `other Update {"f:metadata":{"f:labels":{"f:app":{}}}}`)
	expect(t, deploy(t, targets()["full"], replaced(objects, theirs)), `
		9 unchanged
		refused @example-solution/staging-ns: serviceaccount/example-solution-operator in namespace staging-ns: field metadata.labels.app is null, set by other | to overwrite: --adopt serviceaccount/example-solution-operator`)
	expect(t, deploy(t, targets()["full"], replaced(objects, theirs), "sa/"+theOperator), `
		update serviceaccount/example-solution-operator @example-solution/staging-ns force: metadata.labels
		9 unchanged`)
}

// The data of an immutable ConfigMap is replaced with it; its labels are not.
func TestImmutableConfigMap(t *testing.T) {
	objects := live(t, "ours")
	config := with(unstructuredOf(t, objects, "ConfigMap", theUI), true, "immutable")
	expect(t, deploy(t, targets()["full"], replaced(objects, config)), "10 unchanged")
	expect(t, deploy(t, targets()["full"], replaced(objects, with(config, "x", "data", "config.json"))), `
		replace configmap/example-solution-ui @example-solution/staging-ns (data differs, and is immutable)
		9 unchanged`)
	expect(t, deploy(t, targets()["full"], replaced(objects, labelled(config, "app", "x"))), `
		update configmap/example-solution-ui @example-solution/staging-ns: metadata.labels
		9 unchanged`)
	theirs := labelled(with(config, "x", "data", "config.json"), "app.kubernetes.io/managed-by", "Helm")
	expect(t, deploy(t, targets()["full"], replaced(objects, theirs), "configmap/"+theUI), `
		9 unchanged
		refused @example-solution/staging-ns: configmap/example-solution-ui in namespace staging-ns exists, and belongs to Helm; its data is immutable, so it cannot be taken over | if nobody needs it, delete it: kubectl delete configmap example-solution-ui --namespace staging-ns`)
}

// Who takes a Deployment over takes its replicas over.
func TestReplicasOfAnAdoptedDeployment(t *testing.T) {
	theirs := with(unstructuredOf(t, live(t, "strangers"), "Deployment", theOperator), int64(3), "spec", "replicas")
	containers, _, _ := unstructured.NestedSlice(theirs.Object, "spec", "template", "spec", "containers")
	containers[0].(map[string]any)["name"] = theOperator
	theirs = with(theirs, containers, "spec", "template", "spec", "containers")
	p := deploy(t, targets()["operator-only"], []*unstructured.Unstructured{theirs}, "deployment/"+theOperator)
	for _, c := range p.Changes {
		if c.Object.Kind == "Deployment" && (len(c.Kept) > 0 || !strings.Contains(renderChange(&c), "spec.replicas")) {
			t.Error(renderChange(&c))
		}
	}
}
