// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// check compares what is at a dotted path of an object, as YAML.
type check struct{ kind, name, path, want string }

func TestContractFields(t *testing.T) {
	objects := workload(t, targets()["full"])
	for _, c := range append(operatorChecks(), uiChecks()...) {
		t.Run(c.kind+" "+c.name+" "+c.path, func(t *testing.T) { c.run(t, objects) })
	}
}

// pod is the path of a Deployment's pods.
const pod = "spec.template.spec."

func operatorChecks() []check {
	const operator = "example-solution-operator"
	return []check{
		{"Role", "example-role", "rules", `[{apiGroups: [""], resources: [pods], verbs: ["*"]}]`},
		{"Role", "example-role", "metadata.annotations", `{own: annotation}`},
		{
			"RoleBinding", operator + "-role-example-role", "roleRef",
			`{apiGroup: rbac.authorization.k8s.io, kind: Role, name: example-role}`,
		},
		{
			"RoleBinding", operator + "-clusterrole-example-nodes", "roleRef",
			`{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "example-solution:1.0.0:example-nodes"}`,
		},
		{
			"RoleBinding", operator + "-clusterrole-example-nodes", "subjects",
			`[{kind: ServiceAccount, name: example-solution-operator, namespace: staging-ns}]`,
		},

		{"Deployment", operator, "spec.replicas", `1`},
		{"Deployment", operator, "spec.selector", `{matchLabels: {app: example-solution-operator}}`},
		{"Deployment", operator, "spec.strategy", `null`},
		{"Deployment", operator, pod + "serviceAccountName", `example-solution-operator`},
		{"Deployment", operator, pod + "containers.0.name", `example-solution-operator`},
		{
			"Deployment", operator, pod + "containers.0.image",
			`"registry.example.com:5000/example-solution-1.0.0/example-solution-operator:1.0.0@` + digest("a") + `"`,
		},
		{"Deployment", operator, pod + "containers.0.imagePullPolicy", `IfNotPresent`},
		{
			"Deployment", operator, pod + "containers.0.command",
			`[example-solution-operator, --config=/etc/config/operator.yaml]`,
		},
		{"Deployment", operator, pod + "containers.0.env", `
			[{name: WATCH_NAMESPACE, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}},
			 {name: POD_NAME, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}},
			 {name: OPERATOR_NAME, value: example-solution-operator}]`},
		{"Deployment", operator, pod + "volumes", `[{name: config, configMap: {name: example-solution-operator-config}}]`},
		{"Deployment", operator, pod + "containers.0.volumeMounts", `[{name: config, mountPath: /etc/config, readOnly: true}]`},
	}
}

func uiChecks() []check {
	const ui = "example-solution-ui"
	return []check{
		{"ConfigMap", ui, "data.config\\.json", `'{"url": "/api/kubernetes"}'`},
		{"Deployment", ui, "spec.replicas", `1`},
		{"Deployment", ui, "spec.selector", `{matchLabels: {app: example-solution-ui}}`},
		{
			"Deployment", ui, pod + "containers.0.image",
			`"registry.example.com:5000/example-solution-1.0.0/example-solution-ui:1.0.0@` + digest("b") + `"`,
		},
		{"Deployment", ui, pod + "containers.0.ports", `[{name: http, containerPort: 80, protocol: TCP}]`},
		{"Deployment", ui, pod + "containers.0.livenessProbe", `{httpGet: {path: /, port: http}}`},
		{"Deployment", ui, pod + "containers.0.readinessProbe", `{httpGet: {path: /, port: http}}`},
		{"Deployment", ui, pod + "containers.0.volumeMounts", `[{name: config, mountPath: /etc/example-solution/ui, readOnly: true}]`},
		{"Deployment", ui, pod + "volumes", `[{name: config, configMap: {name: example-solution-ui}}]`},
		{"Deployment", ui, pod + "nodeSelector", `null`},
		{"Deployment", ui, pod + "affinity", `
			{nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
			  {weight: 100, preference: {matchExpressions: [{key: node-role.kubernetes.io/infra, operator: Exists}]}}]}}`},
		{"Deployment", ui, pod + "tolerations", `
			[{key: node-role.kubernetes.io/bootstrap, operator: Exists, effect: NoSchedule},
			 {key: node-role.kubernetes.io/infra, operator: Exists, effect: NoSchedule}]`},

		{"Service", ui, "spec", `
			{selector: {app: example-solution-ui}, ports: [{name: http, port: 80, targetPort: http, protocol: TCP}]}`},
		{"Ingress", ui, "metadata.annotations", `
			{nginx.ingress.kubernetes.io/rewrite-target: /$2, nginx.ingress.kubernetes.io/use-regex: "true"}`},
		{"Ingress", ui, "spec", `
			{ingressClassName: nginx-control-plane, rules: [{http: {paths: [
			  {path: /env/staging/example-solution(/|$)(.*), pathType: ImplementationSpecific,
			   backend: {service: {name: example-solution-ui, port: {name: http}}}}]}}]}`},
	}
}

func (c check) run(t *testing.T, objects []*unstructured.Unstructured) {
	for _, u := range objects {
		if u.GetKind() != c.kind || u.GetName() != c.name {
			continue
		}
		var want any
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(c.want, "\t", "  ")), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, valueAt(t, u.Object, c.path)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return
	}
	t.Errorf("no %s %s", c.kind, c.name)
}

// valueAt returns what is at a dotted path of object, with the types of JSON data.
func valueAt(t *testing.T, object any, path string) any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(strings.ReplaceAll(path, `\.`, "\x00"), ".") {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[strings.ReplaceAll(part, "\x00", ".")]
		case []any:
			if part != "0" || len(parent) != 1 {
				t.Fatalf("%d items at %s", len(parent), path)
			}
			v = parent[0]
		default:
			return nil
		}
	}
	return v
}
