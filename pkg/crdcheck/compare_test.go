// SPDX-License-Identifier: Apache-2.0

package crdcheck_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/crdcheck"
)

const noType = "{x-kubernetes-preserve-unknown-fields: true}"

// compared is what Compare finds where only the schema of v1 differs.
func compared(t *testing.T, live, wanted string) []string {
	t.Helper()
	return comparedDefinitions(t, withStored(crd(t, stored(version("v1", live))), "v1"), crd(t, stored(version("v1", wanted))))
}

// comparedDefinitions also checks that nothing changes its arguments.
func comparedDefinitions(t *testing.T, live, wanted *unstructured.Unstructured) []string {
	t.Helper()
	liveBefore, wantedBefore := live.DeepCopy(), wanted.DeepCopy()
	findings, err := crdcheck.Compare(live, wanted)
	if err != nil {
		t.Fatal(err)
	}
	drops, err := crdcheck.DropsFields(live, wanted)
	if err != nil {
		t.Fatal(err)
	}
	found := texts(findings)
	if text := strings.Join(found, "\n"); strings.Contains(text, "FieldDropped") && !drops {
		t.Errorf("DropsFields = false, but Compare found\n%s", text)
	}
	if !cmp.Equal(live, liveBefore) || !cmp.Equal(wanted, wantedBefore) {
		t.Error("an argument was changed")
	}
	return found
}

const (
	isDropped = "the new schema does not have this field, and drops it"
	isUnnamed = "the new schema drops fields that it does not name"
)

func TestDroppedFields(t *testing.T) {
	for _, tt := range []struct {
		name, live, wanted string
		want               []string
	}{
		{"same", spec(object("size: {type: integer}")), spec(object("size: {type: integer}")), nil},
		{"added", spec(object("size: {type: integer}")), spec(object("size: {type: integer}, password: {type: string}")), nil},
		{"described", spec(object("size: {type: integer}")), spec(object("size: {type: integer, description: how large}")), nil},
		{"removed", spec(object("size: {type: integer}, password: {type: string}")), spec(object("size: {type: integer}")), []string{"spec.password: " + isDropped}},
		{"with all below", spec(object("auth: " + object("user: {type: string}, password: {type: string}"))), spec("{type: object}"), []string{"spec.auth: " + isDropped}},
		{"deep", spec(object("auth: " + object("user: {type: string}, password: {type: string}"))), spec(object("auth: " + object("user: {type: string}"))), []string{"spec.auth.password: " + isDropped}},
		{"at the root", object("spec: {type: object}, status: {type: object}"), object("spec: {type: object}"), []string{"status: " + isDropped}},
		{
			"in an array", spec(object("disks: {type: array, items: " + object("size: {type: integer}, path: {type: string}") + "}")),
			spec(object("disks: {type: array, items: " + object("size: {type: integer}") + "}")),
			[]string{"spec.disks[*].path: " + isDropped},
		},
		{
			"in an array of arrays", spec(object("rows: {type: array, items: {type: array, items: " + object("size: {type: integer}") + "}}")),
			spec(object("rows: {type: array, items: {type: array, items: {type: object}}}")),
			[]string{"spec.rows[*][*].size: " + isDropped},
		},
		{
			"in a map", spec(object("disks: {type: object, additionalProperties: " + object("size: {type: integer}, path: {type: string}") + "}")),
			spec(object("disks: {type: object, additionalProperties: " + object("size: {type: integer}") + "}")),
			[]string{"spec.disks.*.path: " + isDropped},
		},
		{
			"map to names", spec(object("labels: {type: object, additionalProperties: {type: string}}")),
			spec(object("labels: " + object("app: {type: string}"))),
			[]string{"spec.labels.*: " + isUnnamed},
		},
		{"names to map", spec(object("labels: " + object("app: {type: string}"))), spec(object("labels: {type: object, additionalProperties: {type: string}}")), nil},
		{"anything to names", spec("{type: object, x-kubernetes-preserve-unknown-fields: true}"), spec(object("")), []string{"spec.*: " + isUnnamed}},
		{"removed, but unknown fields are kept", spec(object("a: {type: string}")), spec("{type: object, x-kubernetes-preserve-unknown-fields: true}"), nil},
		{
			"named below what is kept", spec(noType), spec("{x-kubernetes-preserve-unknown-fields: true, properties: {auth: " + object("user: {type: string}") + "}}"),
			[]string{"spec.auth.*: " + isUnnamed},
		},
		{
			"kept in arrays too", spec(object("disks: {type: array, items: " + object("a: {type: string}") + ", x-kubernetes-preserve-unknown-fields: true}")),
			spec(object("disks: {type: array, items: {type: object}, x-kubernetes-preserve-unknown-fields: true}")), nil,
		},
		{
			"embedded resource", spec(object("template: {type: object, x-kubernetes-embedded-resource: true, properties: {spec: " + object("a: {type: string}") + "}}")),
			spec(object("template: {type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object}}}")),
			[]string{"spec.template.spec.a: " + isDropped},
		},
		{
			"no embedded resource any more", spec(object("template: {type: object, x-kubernetes-embedded-resource: true}")), spec(object("template: {type: object}")),
			[]string{"spec.template.apiVersion: " + isDropped, "spec.template.kind: " + isDropped, "spec.template.metadata: " + isDropped},
		},
		{"metadata need no schema", object("metadata: " + object("name: {type: string}")), "{type: object}", nil},
		{"a name with a dot", spec(object(`"a.b": {type: string}`)), spec("{type: object}"), []string{"spec[a.b]: " + isDropped}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var dropped []string
			for _, text := range compared(t, tt.live, tt.wanted) {
				if text, ok := strings.CutPrefix(text, "FieldDropped  v1: "); ok {
					dropped = append(dropped, text)
				}
			}
			if diff := cmp.Diff(tt.want, dropped); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTightenedSchema(t *testing.T) {
	for _, tt := range []struct{ name, live, wanted, want string }{
		{"type", "{type: string}", "{type: integer}", "spec: type changes from string to integer"},
		{"type, once only", object("a: {type: string}"), "{type: string}", "spec: type changes from object to string"},
		{"new type", noType, "{type: object, x-kubernetes-preserve-unknown-fields: true}", "spec: new type: object"},
		{"wider types", object("a: {type: integer}, b: {type: string}, c: {type: string}"), object("a: {type: number}, b: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}, c: " + noType), ""},
		{"narrower types", object("a: {type: number}, b: {x-kubernetes-int-or-string: true}"), object("a: {type: integer}, b: {type: string}"), "spec.a: type changes from number to integer|spec.b: type changes from integer or string to string"},
		{"a name where all was kept", noType, "{x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string, enum: [x]}}}", "spec.a: any value was valid; now the type is string"},
		{"values of a map", "{type: object, additionalProperties: {type: string}}", "{type: object, additionalProperties: {type: string, maxLength: 9}}", "spec.*: maxLength: maximum constraint added when there was none previously: 9"},
		{"items", "{type: array, items: {type: string}}", "{type: array, items: {type: string, enum: [x]}}", `spec[*]: enum constraint added when there was none previously: ["x"]`},
		{"required", "{type: object, properties: {a: {type: string}, b: {type: string}}, required: [b]}", "{type: object, properties: {a: {type: string}, b: {type: string}}, required: [a, b]}", "spec.a: is required now"},
		{"required and new", "{type: object}", "{type: object, properties: {a: {type: string}}, required: [a]}", "spec.a: is required now"},
		{"required in a new object", "{type: object}", object("a: {type: object, properties: {b: {type: string}}, required: [b]}"), ""},
		{"required, with a default", "{type: object}", "{type: object, properties: {a: {type: string, default: x}}, required: [a]}", ""},
		{"no longer required", "{type: object, properties: {a: {type: string}}, required: [a]}", object("a: {type: string}"), ""},
		{"enum", "{type: string, enum: [small, large]}", "{type: string, enum: [small, huge]}", `spec: allowed enum values removed: ["large"]`},
		{"larger enum", "{type: string, enum: [small]}", "{type: string, enum: [small, large]}", ""},
		{"bounds", "{type: integer, minimum: 1, maximum: 9}", "{type: integer, minimum: 2, maximum: 8}", "spec: maximum decreased: 9 -> 8|spec: minimum increased: 1 -> 2"},
		{"wider bounds", "{type: integer, minimum: 1, maximum: 9}", "{type: integer, minimum: 0}", ""},
		{"exclusive bounds", "{type: integer, minimum: 1, maximum: 9}", "{type: integer, minimum: 1, maximum: 9, exclusiveMinimum: true, exclusiveMaximum: true}", "spec: the maximum itself is no longer valid|spec: the minimum itself is no longer valid"},
		{"multipleOf", "{type: integer, multipleOf: 2}", "{type: integer, multipleOf: 4}", "spec: multipleOf changes from 2 to 4"},
		{"pattern", "{type: string, pattern: a}", "{type: string, pattern: b}", `spec: pattern changed: "a" -> "b"`},
		{"no pattern", "{type: string, pattern: a}", "{type: string}", ""},
		{"format", "{type: string}", "{type: string, format: date}", "spec: new format: date"},
		{"null", "{type: string, nullable: true}", "{type: string}", "spec: nullable removed: true -> false"},
		{"null allowed", "{type: string}", "{type: string, nullable: true}", ""},
		{"list", "{type: array, items: {type: string}}", "{type: array, items: {type: string}, x-kubernetes-list-type: set}", "spec: items must be unique now"},
		{"keys of a list", "{type: array, items: " + object("a: {type: string}") + "}", "{type: array, items: " + object("a: {type: string}") + ", x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}", "spec: items must be unique now by a"},
		{"combination", object("a: {type: string}"), "{type: object, properties: {a: {type: string}}, not: {required: [a]}}", "spec: the conditions in not are different"},
		{"rule", "{type: object, x-kubernetes-validations: [{rule: a}]}", "{type: object, x-kubernetes-validations: [{rule: a}, {rule: b}]}", "spec: new rule: b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want, got []string
			for line := range strings.SplitSeq(tt.want, "|") {
				if line != "" {
					want = append(want, "SchemaTightened  v1: "+line)
				}
			}
			for _, text := range compared(t, spec(tt.live), spec(tt.wanted)) {
				if strings.HasPrefix(text, "SchemaTightened") {
					got = append(got, text)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDefinitions(t *testing.T) {
	const anything = "{type: object}"
	v1, v1beta1 := version("v1", anything), version("v1beta1", anything)
	both := func() *unstructured.Unstructured { return withStored(crd(t, stored(v1), v1beta1), "v1") }
	status := strings.Replace(stored(v1), "schema:", "subresources: {status: {}, scale: {specReplicasPath: .a, statusReplicasPath: .b}}, schema:", 1)
	webhook := func(config string) *unstructured.Unstructured {
		conversion := parse(t, "{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: "+config+"}}")
		return with(t, both(), conversion.Object, "spec", "conversion")
	}
	service := "{service: {name: a, namespace: b}}"
	for _, tt := range []struct {
		name         string
		live, wanted *unstructured.Unstructured
		want         []string
	}{
		{"same", both(), both(), nil},
		{"no longer in the list", both(), crd(t, stored(v1)), []string{"ServedVersionRemoved  v1beta1: no longer served: clients that use this version fail"}},
		{"no longer served", both(), crd(t, stored(v1), unserved(v1beta1)), []string{"ServedVersionRemoved  v1beta1: no longer served: clients that use this version fail"}},
		{"was not served", crd(t, stored(v1), unserved(v1beta1)), crd(t, stored(v1)), nil},
		{
			"stored", withStored(both(), "v1beta1", "v1"), crd(t, stored(v1)),
			[]string{
				"StoredVersionRemoved  v1beta1: objects are stored in this version, which the new definition does not have: they could not be read any more",
				"ServedVersionRemoved  v1beta1: no longer served: clients that use this version fail",
			},
		},
		{"scope", both(), with(t, both(), "Cluster", "spec", "scope"), []string{"ScopeChanged : spec.scope: changes from Namespaced to Cluster, which the API server refuses"}},
		{
			"names", both(), with(t, with(t, both(), "Thingy", "spec", "names", "kind"), "thingies", "spec", "names", "plural"),
			[]string{
				"NamesChanged : spec.names.kind: changes from Thing to Thingy, which the API server refuses",
				"NamesChanged : spec.names.plural: changes from things to thingies, which the API server refuses",
			},
		},
		{
			"subresources", crd(t, status), crd(t, stored(v1)),
			[]string{
				"SubresourceRemoved  v1: no longer has the subresource scale: clients that use it fail",
				"SubresourceRemoved  v1: no longer has the subresource status: clients that use it fail",
			},
		},
		{"new subresources", crd(t, stored(v1)), crd(t, status), nil},
		{"conversion by a Service", both(), webhook(service), nil},
		{"conversion by a URL", both(), webhook("{url: https://x.example.net/c}"), []string{"ConversionURL : spec.conversion.webhook.clientConfig.url: all objects are sent to https://x.example.net/c to be converted"}},
		{"by the same URL", webhook("{url: https://x.example.net/c}"), webhook("{url: https://x.example.net/c}"), nil},
		{"no longer", webhook(service), both(), []string{"ConversionRemoved : spec.conversion: the webhook no longer converts objects between versions: fields that not all versions have are lost"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, comparedDefinitions(t, tt.live, tt.wanted)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The definitions of an application whose second version has lost a field, and
// whose third a version.
func TestSolution(t *testing.T) {
	made := func(properties string, versions ...string) *unstructured.Unstructured {
		var list []string
		for i, name := range versions {
			v := version(name, spec(object(properties)))
			if i == 0 {
				v = stored(v)
			}
			list = append(list, v)
		}
		return withStored(crd(t, list...), "v1")
	}
	first := made("size: {type: integer}, password: {type: string}", "v1", "v1beta1")
	if diff := cmp.Diff([]string{
		"FieldDropped  v1: spec.password: " + isDropped,
		"FieldDropped  v1beta1: spec.password: " + isDropped,
	}, comparedDefinitions(t, first, made("size: {type: integer}", "v1", "v1beta1"))); diff != "" {
		t.Errorf("a field less: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"ServedVersionRemoved  v1beta1: no longer served: clients that use this version fail",
	}, comparedDefinitions(t, first, made("size: {type: integer}, password: {type: string}", "v1"))); diff != "" {
		t.Errorf("a version less: -want +got:\n%s", diff)
	}
}

func TestOtherStorageVersion(t *testing.T) {
	full, less := spec(object("size: {type: integer}, password: {type: string}")), spec(object("size: {type: integer}"))
	live := withStored(crd(t, stored(version("v1", full))), "v1")
	wanted := crd(t, version("v1", full), stored(version("v2", less)))
	want := []string{"FieldDropped  v2: spec.password: " + isDropped + " (compared with version v1, in which objects are stored now)"}
	if diff := cmp.Diff(want, comparedDefinitions(t, live, wanted)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	conversion := parse(t, "{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: a, namespace: b}}}}")
	if got := comparedDefinitions(t, live, with(t, wanted, conversion.Object, "spec", "conversion")); got != nil {
		t.Errorf("with a webhook: %q", got)
	}
}

// Versions that nobody can use are not compared.
func TestUnusedVersion(t *testing.T) {
	full, less := spec(object("password: {type: string}")), spec("{type: object}")
	live := withStored(crd(t, stored(version("v1", full)), unserved(version("v1beta1", full))), "v1")
	wanted := crd(t, stored(version("v1", full)), unserved(version("v1beta1", less)))
	if got := comparedDefinitions(t, live, wanted); got != nil {
		t.Errorf("found %q", got)
	}
	if got := comparedDefinitions(t, withStored(live, "v1", "v1beta1"), wanted); len(got) != 1 {
		t.Errorf("with objects stored in it: found %q", got)
	}
}

// Definitions that were made as v1beta1 may keep all fields.
func TestPreserveUnknownFields(t *testing.T) {
	live := with(t, crd(t, stored(version("v1", "{type: object}"))), true, "spec", "preserveUnknownFields")
	wanted := crd(t, stored(version("v1", "{type: object}")))
	if diff := cmp.Diff([]string{"FieldDropped  v1: *: " + isUnnamed}, comparedDefinitions(t, live, wanted)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := comparedDefinitions(t, live, live); got != nil {
		t.Errorf("left as it is: %q", got)
	}
}

func TestNewDefinition(t *testing.T) {
	wanted := crd(t, stored(version("v1", "{type: object}")))
	findings, err := crdcheck.Compare(nil, wanted)
	if err != nil || findings != nil {
		t.Errorf("Compare = %v, %v; want nothing", findings, err)
	}
	conversion := parse(t, "{strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: https://x.example.net/c}}}")
	findings, err = crdcheck.Compare(nil, with(t, wanted, conversion.Object, "spec", "conversion"))
	if err != nil || len(findings) != 1 || findings[0].Kind != crdcheck.ConversionURL {
		t.Errorf("Compare = %v, %v; want a ConversionURL", findings, err)
	}
	if drops, err := crdcheck.DropsFields(nil, wanted); drops || err != nil {
		t.Errorf("DropsFields = %v, %v; want false", drops, err)
	}
}

func TestDropsFieldsWhereTypesDiffer(t *testing.T) {
	live := crd(t, stored(version("v1", spec(noType))))
	wanted := crd(t, stored(version("v1", spec("{type: string}"))))
	if diff := cmp.Diff([]string{"SchemaTightened  v1: spec: new type: string"}, comparedDefinitions(t, live, wanted)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if drops, err := crdcheck.DropsFields(live, wanted); !drops || err != nil {
		t.Errorf("DropsFields = %v, %v; want true: what is below an object there is dropped", drops, err)
	}
}

func TestVersionToList(t *testing.T) {
	const anything = "{type: object}"
	v1, v1beta1, v2 := version("v1", anything), version("v1beta1", anything), version("v2", anything)
	for _, tt := range []struct {
		live, wanted []string
		want         string
	}{
		{[]string{v1beta1, stored(v1)}, []string{v1beta1, stored(v1)}, "v1"},
		{[]string{v1beta1, stored(v1)}, []string{v1beta1, stored(v2)}, "v1beta1"},
		{[]string{v1beta1, unserved(stored(v1))}, []string{v1beta1, stored(v1)}, "v1beta1"},
		{[]string{stored(v1)}, []string{stored(v2)}, ""},
	} {
		if got, err := crdcheck.VersionToList(crd(t, tt.live...), crd(t, tt.wanted...)); got != tt.want || err != nil {
			t.Errorf("%q to %q: %q, %v; want %q", tt.live, tt.wanted, got, err, tt.want)
		}
	}
}

func TestInvalidDefinitions(t *testing.T) {
	good := crd(t, stored(version("v1", "{type: object}")))
	for want, bad := range invalidDefinitions(t) {
		for _, pair := range [][2]*unstructured.Unstructured{{good, bad}, {bad, good}} {
			if _, err := crdcheck.Compare(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Compare: %v; want %s", err, want)
			}
			if _, err := crdcheck.DropsFields(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("DropsFields: %v; want %s", err, want)
			}
		}
	}
	if _, err := crdcheck.Compare(good, crd(t, stored("{name: v1, served: true, storage: false}"))); err != nil {
		t.Errorf("a version without a schema: %v", err)
	}
}
