// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

const (
	theOperator = "example-solution-operator"
	theUI       = "example-solution-ui"
)

// wantedObjects are those that testdata/live/ours.yaml was made of.
func wantedObjects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	definition := readObjects(t, "testdata/live/definition.in")
	return append(workload(t, targets()["full"]), definition...)
}

// Whatever defaults the API server fills in, what was just applied is as wanted:
// of every kind.
func TestNoDifferenceAfterApplying(t *testing.T) {
	kinds := map[string]bool{}
	recorded := live(t, "ours")
	for _, wanted := range wantedObjects(t) {
		kinds[wanted.GetKind()] = true
		got := plan.Differences(wanted, unstructuredOf(t, recorded, wanted.GetKind(), wanted.GetName()))
		if len(got) > 0 {
			t.Errorf("%s %s:\n%s", wanted.GetKind(), wanted.GetName(), strings.Join(got, "\n"))
		}
	}
	if len(kinds) != len(plan.WorkloadKinds())+1 {
		t.Errorf("only of %v", kinds)
	}
}

// Which fields others have changed is found; what they have added is none of
// this project's business.
func TestDifferencesOfOthers(t *testing.T) {
	recorded := live(t, "edited")
	got := map[string][]string{}
	for _, wanted := range wantedObjects(t) {
		lines := plan.Differences(wanted, unstructuredOf(t, recorded, wanted.GetKind(), wanted.GetName()))
		if len(lines) > 0 {
			got[wanted.GetKind()+" "+wanted.GetName()] = lines
		}
	}
	want := map[string][]string{
		"Deployment " + theOperator: {`spec.template.spec.containers[example-solution-operator].image: "other:1" -> "registry.example.com:5000/example-solution-1.0.0/example-solution-operator:1.0.0@` + digest("a") + `"`},
		"ConfigMap " + theUI:        {`data[config.json]: "{\"url\": \"/api/other\"}" -> "{\"url\": \"/api/kubernetes\"}"`},
		"Service " + theUI:          {`spec.ports[80,TCP]: null -> {"name":"http","port":80,"protocol":"TCP","targetPort":"http"}`},
		"Role example-role":         {`rules: [{"apiGroups":[""],"resources":["secrets"],"verbs":["*"]}] -> [{"apiGroups":[""],"resources":["pods"],"verbs":["*"]}]`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What an earlier version wanted and this one does not is removed: environment
// variables, volumes, whole items of lists.
func TestDifferencesOfWhatIsNoLongerWanted(t *testing.T) {
	deployment := unstructuredOf(t, live(t, "webhook"), "Deployment", theOperator)
	wanted := unstructuredOf(t, workload(t, targets()["operator-only"]), "Deployment", theOperator)
	want := []string{
		`spec.template.spec.containers[example-solution-operator].volumeMounts[/cert]: {"mountPath":"/cert","name":"cert","readOnly":true} -> null`,
		`spec.template.spec.volumes[cert]: {"name":"cert","secret":{"defaultMode":420,"secretName":"example-solution-cert"}} -> null`,
	}
	if diff := cmp.Diff(want, plan.Differences(wanted, deployment)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// change is an edit of what is wanted.
type change func(*unstructured.Unstructured) *unstructured.Unstructured

// set returns the edit that gives a field a value, nil for none; the value is
// JSON.
func set(value string, path ...string) change {
	return func(u *unstructured.Unstructured) *unstructured.Unstructured {
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			panic(err)
		}
		return with(u, v, path...)
	}
}

// container edits the only container of a Deployment.
func container(edit func(map[string]any)) change {
	return func(u *unstructured.Unstructured) *unstructured.Unstructured {
		u = u.DeepCopy()
		list, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
		edit(list[0].(map[string]any))
		return with(u, list, "spec", "template", "spec", "containers")
	}
}

func TestDifferencesOfWhatIsWanted(t *testing.T) {
	recorded := live(t, "ours")
	const containers = "spec.template.spec.containers[example-solution-operator]"
	for name, tt := range map[string]struct {
		kind, name string
		edit       change
		want       []string
	}{
		"a field":                       {"Service", theUI, set(`"NodePort"`, "spec", "type"), []string{`spec.type: "ClusterIP" -> "NodePort"`}},
		"a default that is written out": {"Service", theUI, set(`"ClusterIP"`, "spec", "type"), nil},
		"a label less":                  {"Service", theUI, set(`null`, "metadata", "labels", "app"), []string{`metadata.labels.app: "example-solution-ui" -> null`}},
		"a label more":                  {"Service", theUI, set(`"x"`, "metadata", "labels", "new"), []string{`metadata.labels.new: null -> "x"`}},
		"no labels at all": {"ServiceAccount", theOperator, set(`null`, "metadata", "labels"), []string{
			`metadata.labels: {"app":"example-solution-operator","app.kubernetes.io/component":"operator","app.kubernetes.io/instance":"example-solution-operator",` +
				`"app.kubernetes.io/managed-by":"kubectl-solution","app.kubernetes.io/name":"example-solution-operator","app.kubernetes.io/part-of":"example-solution","app.kubernetes.io/version":"1.0.0"} -> null`,
		}},
		"an atomic map": {"Service", theUI, set(`{"other": "x"}`, "spec", "selector"), []string{`spec.selector: {"app":"example-solution-ui"} -> {"other":"x"}`}},
		"an atomic map with a key more": {"Service", theUI, set(`{"app": "example-solution-ui", "b": "c"}`, "spec", "selector"), []string{
			`spec.selector: {"app":"example-solution-ui"} -> {"app":"example-solution-ui","b":"c"}`,
		}},
		"an atomic list": {"RoleBinding", theOperator + "-role-example-role", set(`[]`, "subjects"), []string{
			`subjects: [{"kind":"ServiceAccount","name":"example-solution-operator","namespace":"staging-ns"}] -> []`,
		}},
		"an atomic list of texts, in another order": {"Deployment", theOperator, container(func(c map[string]any) { slices.Reverse(c["command"].([]any)) }), []string{
			containers + `.command: ["example-solution-operator","--config=/etc/config/operator.yaml"] -> ["--config=/etc/config/operator.yaml","example-solution-operator"]`,
		}},
		"an item of a list with keys, changed": {"Deployment", theOperator, container(func(c map[string]any) { c["env"].([]any)[2].(map[string]any)["value"] = "x" }), []string{
			containers + `.env[OPERATOR_NAME].value: "example-solution-operator" -> "x"`,
		}},
		"in another order": {"Deployment", theOperator, container(func(c map[string]any) { slices.Reverse(c["env"].([]any)) }), nil},
		"one less, in another order": {"Deployment", theOperator, container(func(c map[string]any) { c["env"] = c["env"].([]any)[1:] }), []string{
			containers + `.env[WATCH_NAMESPACE]: {"name":"WATCH_NAMESPACE","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}} -> null`,
		}},
		"one more": {"Deployment", theOperator, container(func(c map[string]any) {
			c["env"] = append(c["env"].([]any), map[string]any{"name": "NEW", "value": "1"})
		}), []string{containers + `.env[NEW]: null -> {"name":"NEW","value":"1"}`}},
		"none": {"Deployment", theUI, set(`null`, "spec", "template", "spec", "tolerations"), []string{
			`spec.template.spec.tolerations: [{"effect":"NoSchedule","key":"node-role.kubernetes.io/bootstrap","operator":"Exists"},{"effect":"NoSchedule","key":"node-role.kubernetes.io/infra","operator":"Exists"}] -> null`,
		}},
		"a number":                                    {"Deployment", theUI, set(`2`, "spec", "replicas"), []string{`spec.replicas: 1 -> 2`}},
		"a number written as 1.0":                     {"Deployment", theUI, set(`1.0`, "spec", "replicas"), nil},
		"none instead of a number":                    {"Deployment", theUI, set(`0`, "spec", "replicas"), []string{`spec.replicas: 1 -> 0`}},
		"a value that says nothing, and is not there": {"ServiceAccount", theOperator, set(`[]`, "secrets"), nil},
		"false, and not there":                        {"ConfigMap", theUI, set(`false`, "immutable"), nil},
		"true, and not there":                         {"ConfigMap", theUI, set(`true`, "immutable"), []string{`immutable: null -> true`}},
		"an empty object that says something":         {"Deployment", theOperator, set(`{}`, "spec", "template", "spec", "securityContext"), nil},
		"an empty object that is not there":           {"Deployment", theOperator, set(`{}`, "spec", "template", "spec", "affinity"), []string{`spec.template.spec.affinity: null -> {}`}},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := unstructuredOf(t, wantedObjects(t), tt.kind, tt.name)
			got := plan.Differences(tt.edit(wanted), unstructuredOf(t, recorded, tt.kind, tt.name))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// schemaEdit edits the properties of spec in the first version of a definition.
func schemaEdit(edit func(properties map[string]any)) change {
	return func(u *unstructured.Unstructured) *unstructured.Unstructured {
		u = u.DeepCopy()
		list, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
		properties, _, _ := unstructured.NestedMap(list[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties")
		edit(properties)
		if err := unstructured.SetNestedMap(list[0].(map[string]any), properties, "schema", "openAPIV3Schema", "properties", "spec", "properties"); err != nil {
			panic(err)
		}
		return with(u, list, "spec", "versions")
	}
}

// Of a definition the versions are one atomic list.
func TestDifferencesOfDefinitions(t *testing.T) {
	recorded := unstructuredOf(t, live(t, "ours"), "CustomResourceDefinition", "examples.example.com")
	field := func(name, key string, value any) change {
		return schemaEdit(func(properties map[string]any) {
			if value == nil {
				delete(properties[name].(map[string]any), key)
			} else {
				properties[name].(map[string]any)[key] = value
			}
		})
	}
	for name, tt := range map[string]struct {
		edit      change
		different bool
	}{
		"as applied":               {field("size", "type", "integer"), false},
		"a default of false, gone": {field("paused", "default", nil), true},
		"a default of true":        {field("paused", "default", true), true},
		"a default of nothing":     {field("title", "default", nil), true},
		"an empty description":     {field("title", "description", nil), false},
		"a number":                 {field("size", "maximum", 3.6), true},
		"the same number":          {field("size", "minimum", 1.0), false},
		"false, and not there":     {field("size", "nullable", false), false},
		"true, and not there":      {field("size", "nullable", true), true},
		"a property more":          {schemaEdit(func(p map[string]any) { p["new"] = map[string]any{"type": "string"} }), true},
		"a property less":          {schemaEdit(func(p map[string]any) { delete(p, "more") }), true},
		"an annotation":            {set(`"sha256:1"`, "metadata", "annotations", "solutions.metalk8s.scality.com/definition-digest"), true},
		"short names":              {set(`["ex", "exa"]`, "spec", "names", "shortNames"), true},
	} {
		wanted := tt.edit(readObjects(t, "testdata/live/definition.in")[0])
		if got := plan.Differences(wanted, recorded); (len(got) > 0) != tt.different {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Lists whose items have two keys, and lists that are sets.
func TestDifferencesOfLists(t *testing.T) {
	recorded := live(t, "lists")
	ports := func(text string) *unstructured.Unstructured {
		return parseObjects(t, `{apiVersion: v1, kind: Service, metadata: {name: ports}, spec: {selector: {app: a}, externalIPs: [192.0.2.1, 192.0.2.2], ports: [`+text+`]}}`)[0]
	}
	finalizers := func(text string) *unstructured.Unstructured {
		return parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: finalizers, finalizers: [`+text+`]}}`)[0]
	}
	const dns, tcp, web = "{name: dns, port: 53, protocol: UDP}", "{name: dns-tcp, port: 53, protocol: TCP}", "{name: web, port: 80, protocol: TCP, targetPort: 8080}"
	for name, tt := range map[string]struct {
		wanted *unstructured.Unstructured
		want   []string
	}{
		"two keys":           {ports(dns + "," + tcp + "," + web), nil},
		"in another order":   {ports(web + "," + tcp + "," + dns), nil},
		"one of the two":     {ports(dns + "," + web), []string{`spec.ports[53,TCP]: {"name":"dns-tcp","port":53,"protocol":"TCP","targetPort":53} -> null`}},
		"another name":       {ports(dns + ", {name: x, port: 53, protocol: TCP}, " + web), []string{`spec.ports[53,TCP].name: "dns-tcp" -> "x"`}},
		"another port":       {ports(dns + "," + tcp + ", {name: web, port: 80, protocol: TCP, targetPort: 80}"), []string{`spec.ports[80,TCP].targetPort: 8080 -> 80`}},
		"another protocol":   {ports(dns + "," + tcp + "," + web + ", {name: s, port: 80, protocol: SCTP}"), []string{`spec.ports[80,SCTP]: null -> {"name":"s","port":80,"protocol":"SCTP"}`}},
		"an atomic list":     {with(ports(dns+","+tcp+","+web), []any{"192.0.2.1"}, "spec", "externalIPs"), []string{`spec.externalIPs: ["192.0.2.1","192.0.2.2"] -> ["192.0.2.1"]`}},
		"a set":              {finalizers("example.com/a, example.com/b"), nil},
		"a set, reversed":    {finalizers("example.com/b, example.com/a"), nil},
		"one less in a set":  {finalizers("example.com/b"), []string{`metadata.finalizers["example.com/a"]: "example.com/a" -> null`}},
		"one more in a set":  {finalizers("example.com/a, example.com/b, example.com/c"), []string{`metadata.finalizers["example.com/c"]: null -> "example.com/c"`}},
		"theirs, wanted too": {finalizers("example.com/a, example.com/b, example.com/theirs"), nil},
		"nothing of a set": {finalizers(""), []string{
			`metadata.finalizers["example.com/a"]: "example.com/a" -> null`, `metadata.finalizers["example.com/b"]: "example.com/b" -> null`,
		}},
	} {
		got := plan.Differences(tt.wanted, unstructuredOf(t, recorded, tt.wanted.GetKind(), tt.wanted.GetName()))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestOwners(t *testing.T) {
	edited, told := live(t, "edited"), live(t, "told")
	deployment := unstructuredOf(t, edited, "Deployment", theOperator)
	container := []string{"spec", "template", "spec", "containers", "[" + theOperator + "]"}
	for name, tt := range map[string]struct {
		live   *unstructured.Unstructured
		path   []string
		others []string
		ours   bool
	}{
		"changed by someone else":  {deployment, append(slices.Clone(container), "image"), []string{"kubectl-edit"}, false},
		"an item that others have": {deployment, append(slices.Clone(container), "env", "[EXTRA]"), []string{"kubectl-set"}, false},
		"an item of ours":          {deployment, append(slices.Clone(container), "env", "[OPERATOR_NAME]", "value"), nil, true},
		"a part of an atomic one":  {deployment, []string{"spec", "selector", "matchLabels"}, nil, true},
		"a list above it":          {deployment, append(slices.Clone(container), "env"), []string{"kubectl-set"}, true},
		"a default":                {deployment, []string{"spec", "progressDeadlineSeconds"}, nil, false},
		"no such field":            {deployment, []string{"spec", "none", "at", "all"}, nil, false},
		"no such item":             {deployment, []string{"spec", "template", "spec", "containers", "[none]"}, nil, false},
		"below a value":            {deployment, []string{"spec", "replicas", "[x]"}, nil, true},
		"a certificate": {
			unstructuredOf(t, edited, "CustomResourceDefinition", "examples.example.com"),
			[]string{"spec", "conversion", "webhook", "clientConfig", "caBundle"},
			[]string{"cainjector"},
			false,
		},
		"applied and updated by this project": {unstructuredOf(t, told, "ConfigMap", theOperator+"-config"), []string{"data", "operator.yaml"}, nil, true},
		"a set":                               {unstructuredOf(t, live(t, "lists"), "ConfigMap", "finalizers"), []string{"metadata", "finalizers", `["example.com/theirs"]`}, []string{"kubectl-patch"}, false},
	} {
		others, ours := plan.Owners(tt.live, tt.path...)
		if !slices.Equal(others, tt.others) || ours != tt.ours {
			t.Errorf("%s: owners %q, ours %t; want %q, %t", name, others, ours, tt.others, tt.ours)
		}
	}
}

// Fields that cannot be read are those of nobody.
func TestUnreadableManagedFields(t *testing.T) {
	u := unstructuredOf(t, live(t, "ours"), "ConfigMap", theUI).DeepCopy()
	u.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: "a", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`[]`)},
		{Manager: "b", Operation: metav1.ManagedFieldsOperationApply},
	})
	if others, ours := plan.Owners(u, "data"); len(others) > 0 || ours {
		t.Errorf("owners %q, ours %t", others, ours)
	}
	wanted := unstructuredOf(t, wantedObjects(t), "ConfigMap", theUI)
	if got := plan.Differences(with(wanted, nil, "data", "theme.json"), u); len(got) > 0 {
		t.Errorf("nothing is known to be this project's, and these differ: %q", got)
	}
}

// managedBy returns a copy of an object with these managed fields: "<manager>
// <operation> <JSON>".
func managedBy(u *unstructured.Unstructured, entries ...string) *unstructured.Unstructured {
	u = u.DeepCopy()
	var list []metav1.ManagedFieldsEntry
	for _, entry := range entries {
		words := strings.SplitN(entry, " ", 3)
		list = append(list, metav1.ManagedFieldsEntry{
			Manager: words[0], Operation: metav1.ManagedFieldsOperationType(words[1]), FieldsV1: metav1.NewFieldsV1(words[2]),
		})
	}
	u.SetManagedFields(list)
	return u
}

// Only what was applied is removed by applying without it.
func TestDifferencesOfWhatApplyingDoesNotRemove(t *testing.T) {
	wanted := parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}, status: {wanted: by nobody}}`)[0]
	live := parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v, more: x}}`)[0]
	for name, entries := range map[string][]string{
		"updated":       {`kubectl-solution Apply {"f:data":{"f:k":{}}}`, `kubectl-solution Update {"f:data":{"f:more":{}}}`},
		"others'":       {`kubectl-solution Apply {"f:data":{"f:k":{}}}`, `other Apply {"f:data":{"f:more":{}}}`},
		"not there":     {`kubectl-solution Apply {"f:data":{"f:k":{},"f:gone":{}}}`},
		"no list there": {`kubectl-solution Apply {"f:data":{"f:k":{}},"f:metadata":{"f:finalizers":{"v:\"x\"":{}}}}`},
	} {
		if got := plan.Differences(wanted, managedBy(live, entries...)); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Who has two entries is named once.
	twice := managedBy(live, `other Apply {"f:data":{"f:k":{}}}`, `other Update {"f:data":{"f:k":{}}}`)
	if others, _ := plan.Owners(twice, "data", "k"); !slices.Equal(others, []string{"other"}) {
		t.Errorf("owners %q", others)
	}
}
