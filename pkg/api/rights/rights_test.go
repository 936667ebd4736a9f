// SPDX-License-Identifier: Apache-2.0

package rights_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
)

// decode reads a role in YAML. What it leaves out is a ClusterRole named r.
func decode(t *testing.T, text string) (*rights.Role, error) {
	t.Helper()
	document := map[string]any{"kind": "ClusterRole", "metadata": map[string]any{"name": "r"}}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return rights.Decode(document)
}

func mustDecode(t *testing.T, text string) *rights.Role {
	t.Helper()
	role, err := decode(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return role
}

func TestDecode(t *testing.T) {
	role := mustDecode(t, `
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: r, creationTimestamp: null, labels: {a: b}, annotations: {c: d}, unknown: 1}
x-rules: []
rules:
- {verbs: [get], apiGroups: [a], resources: [b], resourceNames: [c], nonResourceURLs: [d], verb: [e]}
- null
aggregationRule:
  clusterRoleSelectors:
  - {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d], value: e}]}
`)
	want := &rights.Role{
		Kind: "ClusterRole", Name: "r", Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
		Rules: []rights.Rule{
			{Verbs: []string{"get"}, APIGroups: []string{"a"}, Resources: []string{"b"}, ResourceNames: []string{"c"}, NonResourceURLs: []string{"d"}},
			{},
		},
		Aggregation: []rights.Selector{{
			MatchLabels:      map[string]string{"a": "b"},
			MatchExpressions: []rights.Expression{{Key: "c", Operator: "In", Values: []string{"d"}}},
		}},
		Unknown: []string{"rules[0].verb", "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].value", "x-rules"},
	}
	if diff := cmp.Diff(want, role); diff != "" {
		t.Errorf("role (-want +got):\n%s", diff)
	}
	if role := mustDecode(t, "{kind: Role, aggregationRule: {}, rules: []}"); role.Aggregation != nil || len(role.Unknown) != 1 || role.Rules == nil {
		t.Errorf("Role with an aggregationRule: %+v", role)
	}
}

// Rules of the API have the same fields.
func TestRuleConverts(t *testing.T) {
	rule := rights.Rule(rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}})
	if got := rights.Describe([]rights.Rule{rule}); len(got) != 1 || got[0] != "get: pods" {
		t.Errorf("got %q", got)
	}
}

func TestDecodeErrors(t *testing.T) {
	for text, want := range map[string]string{
		`metadata: a`:         `metadata must be a mapping, not "a"`,
		`metadata: {name: 1}`: `metadata.name must be a string, not "1"`,
		`metadata: {labels: {b: x, a: true, c: 1}}`: `metadata.labels.a must be a string, not "true"`,
		`rules: {}`:                                     `rules must be a list, not "map[]"`,
		`rules: [a]`:                                    `rules[0] must be a mapping, not "a"`,
		`rules: [{verbs: [get]}, {verbs: get}]`:         `rules[1].verbs must be a list, not "get"`,
		`rules: [{verbs: [get, 1]}]`:                    `rules[0].verbs[1] must be a string, not "1"`,
		`aggregationRule: []`:                           `aggregationRule must be a mapping, not "[]"`,
		`aggregationRule: {clusterRoleSelectors: a}`:    `aggregationRule.clusterRoleSelectors must be a list, not "a"`,
		`aggregationRule: {clusterRoleSelectors: [[]]}`: `aggregationRule.clusterRoleSelectors[0] must be a mapping, not "[]"`,
	} {
		if role, err := decode(t, text); fmt.Sprint(err) != want || role != nil {
			t.Errorf("%s: got %+v, %v\nwant %s", text, role, err, want)
		}
	}
}

func TestProblems(t *testing.T) {
	const rule = `{verbs: [get], apiGroups: [""], resources: [pods]}`
	for text, want := range map[string]string{
		`rules: [` + rule + `]`: ``,
		`rules: []`:             ``,
		`{}`:                    ``,
		`{rules: [{nonResourceURLs: ["*"], verbs: [get]}]}`:                                       ``,
		`{rules: [` + rule + `], x: 1}`:                                                           ``,
		`{rules: [], x: 1}`:                                                                       ``,
		`{rule: [` + rule + `], x: 1}`:                                                            `has no rules; unknown field: rule, x`,
		`rules: [` + rule + `, {apiGroups: [""], resources: [pods]}]`:                             `rules[1] has no verbs`,
		`rules: [{verbs: [], apiGroups: [""], resources: [pods]}]`:                                `rules[0] has no verbs`,
		`rules: [{verbs: [get], resources: [pods]}]`:                                              `rules[0] has no apiGroups (the core group is "")`,
		`rules: [{verbs: [get], apiGroups: [""]}]`:                                                `rules[0] has no resources`,
		`{kind: Role, rules: [{nonResourceURLs: [/a], verbs: [get]}]}`:                            `rules[0] has nonResourceURLs, which only a ClusterRole can have`,
		`rules: [{nonResourceURLs: [/a], resourceNames: [a], verbs: [get]}]`:                      `rules[0] has both resources and nonResourceURLs`,
		`aggregationRule: {}`:                                                                     `aggregationRule has no clusterRoleSelectors`,
		`aggregationRule: {clusterRoleSelectors: [{}]}`:                                           ``,
		`aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b/c}}]}`:                      `aggregationRule.clusterRoleSelectors[0]: matchLabels "a": value "b/c": `,
		`aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{operator: Exists}]}]}`:     `aggregationRule.clusterRoleSelectors[0]: matchExpressions "": name part must be non-empty`,
		`aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: in}]}]}`: `aggregationRule.clusterRoleSelectors[0]: invalid operator "in"`,
		`aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: In}]}]}`: `aggregationRule.clusterRoleSelectors[0]: operator In with 0 values`,
		`metadata: {labels: {a/b/c: d}}`:                                                          `label "a/b/c": `,
		`metadata: {labels: {a: " "}}`:                                                            `label "a": value " ": `,
		`metadata: {annotations: {Example.com/a: " "}}`:                                           ``,
		`metadata: {annotations: {"": a}}`:                                                        `annotation "": name part must be non-empty`,
	} {
		got := strings.Join(mustDecode(t, text).Problems(), "\n")
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s\nwant %s", text, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	for text, want := range map[string]string{
		`[{verbs: [watch, get, list, get], apiGroups: [""], resources: [secrets, pods]}]`: `get, list, watch: pods, secrets`,
		`[{verbs: [get], apiGroups: [""], resources: [pods]}, {verbs: [get], apiGroups: [""], resources: [pods/log]},
		  {verbs: [get], apiGroups: [apps], resources: [deployments]}, {verbs: [zap, delete, create, approve], apiGroups: [apps], resources: [deployments]}]`: "get: pods, pods/log; deployments of apps\ncreate, delete, approve, zap: deployments of apps",
		`[{verbs: [get], apiGroups: [events.k8s.io, ""], resources: [events]}]`:                        `get: events of core, events.k8s.io`,
		`[{verbs: [get, "*"], apiGroups: [a, "*"], resources: [b, "*"]}]`:                              `every verb (*): every resource (*) of every API group (*)`,
		`[{verbs: [get], apiGroups: [""], resources: ["*"]}]`:                                          `get: every resource (*) of core`,
		`[{verbs: [get], apiGroups: [""], resources: ["*/status"]}]`:                                   `get: */status of core`,
		`[{verbs: [get], apiGroups: [a.b], resources: [c], resourceNames: [z, x]}]`:                    `get: c of a.b named x, z`,
		`[{verbs: [get], nonResourceURLs: [/metrics, /a/*]}, {verbs: [get], nonResourceURLs: [/b]}]`:   `get: URL /a/*, /b, /metrics`,
		`[{verbs: ["*"], nonResourceURLs: [/a, "*"]}]`:                                                 `every verb (*): every URL (*)`,
		`[{verbs: ["a\e[2Jb", ""], apiGroups: ["\u202e"], resources: ["c\n"], resourceNames: ["\a"]}]`: `"", "a\x1b[2Jb": "c\n" of "\u202e" named "\a"`,
		`[{verbs: [get], apiGroups: [""]}]`:                                                            `get: no resources`,
		`[]`:                                                                                           ``,
	} {
		got := strings.Join(rights.Describe(mustDecode(t, "rules: "+text).Rules), "\n")
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// What an archive holds much of is not printed in full.
func TestDescribeIsBounded(t *testing.T) {
	rule := rights.Rule{Verbs: []string{"get"}, APIGroups: []string{strings.Repeat("g", 1<<20)}}
	for i := range 1000 {
		rule.Resources = append(rule.Resources, fmt.Sprintf("r%04d", i))
	}
	got := rights.Describe([]rights.Rule{rule})
	if len(got) != 1 || len(got[0]) > 1000 || !strings.Contains(got[0], ", r0019 and 980 more of ") {
		t.Errorf("got %d lines: %.2000s", len(got), got)
	}
}
