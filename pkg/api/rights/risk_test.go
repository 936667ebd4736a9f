// SPDX-License-Identifier: Apache-2.0

package rights_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/api/rights"
)

func TestRisks(t *testing.T) {
	for text, want := range map[string]string{
		`rules: [{verbs: [get], apiGroups: ["", apps], resources: [pods, "secret", secrets/x]}, {verbs: [get], nonResourceURLs: [/a*]}]`: ``,
		`rules: [{verbs: [get], apiGroups: [example.com], resources: [secrets]}]`:                                                        ``,

		// What is the Solution's own may be everything.
		`rules: [{verbs: ["*"], apiGroups: [own.example.com], resources: ["*"]}]`:      ``,
		`rules: [{verbs: ["*"], apiGroups: [own.example.com, apps], resources: [a]}]`:  `wildcard: every verb (*) on a of apps, own.example.com`,
		`rules: [{verbs: [escalate], apiGroups: [own.example.com], resources: ["*"]}]`: `escalate: escalate on every resource (*) of own.example.com: can write roles that allow more than it may do itself`,

		`rules: [{verbs: ["*"], apiGroups: [apps], resources: [deployments]}]`:           `wildcard: every verb (*) on deployments of apps`,
		`rules: [{verbs: [get], apiGroups: ["*"], resources: [pods]}]`:                   `wildcard: get on pods of every API group (*)`,
		`rules: [{verbs: [get], apiGroups: [apps], resources: ["*"]}]`:                   `wildcard: get on every resource (*) of apps`,
		`rules: [{verbs: [update], apiGroups: [apps], resources: ["*/status"]}]`:         `wildcard: update on */status of apps`,
		`rules: [{verbs: [get], apiGroups: [""], resources: ["*"]}]`:                     `wildcard: get on every resource (*) of core, including access to Secrets`,
		`rules: [{verbs: [get], apiGroups: [""], resources: ["*"], resourceNames: [a]}]`: `wildcard: get on every resource (*) of core named a`,
		`rules: [{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}]`: `wildcard: every verb (*) on every resource (*) of every API group (*), ` +
			`including escalate, bind, impersonate, access to Secrets`,
		`rules: [{verbs: ["*"], apiGroups: [rbac.authorization.k8s.io], resources: [roles]}]`: `wildcard: every verb (*) on roles of rbac.authorization.k8s.io, including escalate, bind`,
		`rules: [{verbs: ["*"], apiGroups: [""], resources: [serviceaccounts]}]`:              `wildcard: every verb (*) on serviceaccounts, including impersonate`,
		`rules: [{verbs: ["*"], apiGroups: [authentication.k8s.io], resources: [uids]}]`:      `wildcard: every verb (*) on uids of authentication.k8s.io, including impersonate`,
		`rules: [{verbs: ["*"], nonResourceURLs: [/a]}]`:                                      `wildcard: every verb (*) on URL /a`,

		`rules: [{verbs: [escalate, bind, get], apiGroups: [rbac.authorization.k8s.io], resources: [roles, clusterroles]}]`: `escalate: escalate on clusterroles, roles of rbac.authorization.k8s.io: can write roles that allow more than it may do itself` + "\n" +
			`bind: bind on clusterroles, roles of rbac.authorization.k8s.io: can bind roles that allow more than it may do itself`,
		`rules: [{verbs: [impersonate], apiGroups: [""], resources: [users]}]`: `impersonate: impersonate on users: can act as someone else`,

		`rules: [{verbs: [list, get], apiGroups: ["", apps], resources: [pods, secrets]}]`:      `secrets: get, list on secrets`,
		`rules: [{verbs: [get], apiGroups: [""], resources: [secrets], resourceNames: [a, b]}]`: `secrets: get on secrets named a, b`,
		`rules: [{verbs: ["*"], apiGroups: [""], resources: [secrets]}]`:                        "wildcard: every verb (*) on secrets\nsecrets: every verb (*) on secrets",

		`rules: [{verbs: [get], nonResourceURLs: ["*"]}]`:             `every-url: get on every URL (*)`,
		`rules: [{verbs: ["*"], nonResourceURLs: [/b, "/*"]}]`:        `every-url: every verb (*) on every URL (*)`,
		`aggregationRule: {clusterRoleSelectors: [{}]}`:               `aggregation: aggregationRule: has the rules of every ClusterRole`,
		`{kind: Role, aggregationRule: {clusterRoleSelectors: [{}]}}`: ``,
		`aggregationRule: {clusterRoleSelectors: [{matchLabels: {b: c, a: d}}, {matchExpressions: [{key: e, operator: NotIn, values: [f, g]},
		  {key: h, operator: Exists}, {key: i, operator: DoesNotExist}]}]}`: "aggregation: aggregationRule: has the rules of every ClusterRole with a=d, b=c\n" +
			"aggregation: aggregationRule: has the rules of every ClusterRole with e notin (f, g), h, !i",
	} {
		var got []string
		for _, risk := range mustDecode(t, text).Risks([]string{"own.example.com"}) {
			got = append(got, string(risk.Kind)+": "+risk.Detail)
		}
		if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestRiskString(t *testing.T) {
	role := mustDecode(t, `{kind: Role, metadata: {name: "a\nb"}, rules: [{verbs: [get], apiGroups: [""], resources: [secrets]}]}`)
	risks := role.Risks(nil)
	want := rights.Risk{RoleKind: "Role", RoleName: "a\nb", Kind: rights.RiskSecrets, Detail: "get on secrets"}
	if diff := cmp.Diff([]rights.Risk{want}, risks); diff != "" {
		t.Fatalf("risks (-want +got):\n%s", diff)
	}
	if got := risks[0].String(); got != `Role "a\nb": get on secrets` {
		t.Errorf("got %s", got)
	}
}

func TestKeptAggregationLabels(t *testing.T) {
	const (
		view = rights.AggregationPrefix + "view"
		edit = rights.AggregationPrefix + "edit"
	)
	own := []string{"a.example.com", "b.example.com"}
	for rules, foreign := range map[string]string{
		`rules: [{verbs: ["*"], apiGroups: [a.example.com], resources: ["*"]}, {verbs: [get], apiGroups: [a.example.com, b.example.com], resources: [x]}]`: ``,
		`rules: []`: ``,
		`rules: [{verbs: [get], apiGroups: [""], resources: [x]}]`:                                   `a rule is about the core API group ("")`,
		`rules: [{verbs: [get], apiGroups: ["*"], resources: [x]}]`:                                  `a rule is about every API group (*)`,
		`rules: [{verbs: [get], apiGroups: [a.example.com, apps], resources: [x]}]`:                  `a rule is about API group apps`,
		`rules: [{verbs: [get], apiGroups: [example.com], resources: [x]}]`:                          `a rule is about API group example.com`,
		`rules: [{verbs: [get], apiGroups: [a.example.com], resources: [x], nonResourceURLs: [/y]}]`: `a rule is about URL /y`,
		`aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}`:                           `it has an aggregationRule`,
	} {
		role := mustDecode(t, rules)
		role.Labels = map[string]string{view: "true", edit: "false", "app": "x"}
		if got := role.Foreign(own); got != foreign {
			t.Errorf("%s: got %q, want %q", rules, got, foreign)
		}
		wantKept, wantDropped := map[string]string{"app": "x"}, map[string]string{view: "true", edit: "false"}
		if foreign == "" {
			wantKept, wantDropped = role.Labels, map[string]string{}
		}
		kept, dropped := rights.KeptAggregationLabels(role, own)
		if diff := cmp.Diff(wantKept, kept) + cmp.Diff(wantDropped, dropped); diff != "" {
			t.Errorf("%s: kept and dropped (-want +got):\n%s", rules, diff)
		}
		role.Kind = "Role"
		if kept, dropped := rights.KeptAggregationLabels(role, own); len(kept) != 3 || len(dropped) != 0 {
			t.Errorf("labels of a Role: kept %v, dropped %v", kept, dropped)
		}
	}
}

func TestGained(t *testing.T) {
	const pods = `{verbs: [get], apiGroups: [""], resources: [pods]}`
	for _, c := range []struct{ before, after, gained, lost string }{
		{pods, pods, ``, ``},
		{pods, ``, ``, `get: pods`},
		// However rules are cut, what they allow is compared.
		{
			`{verbs: [get, list], apiGroups: ["", apps], resources: [x, z]}`,
			`{verbs: [list], apiGroups: [""], resources: [z, x]}, {verbs: [get], apiGroups: [""], resources: [x, z]}, {verbs: [list, get], apiGroups: [apps], resources: [z]}`,
			``, `get, list: x of apps`,
		},
		{pods, `{verbs: [get, delete], apiGroups: [""], resources: [pods, secrets]}`, "get, delete: secrets\ndelete: pods", ``},
		{`{verbs: ["*"], apiGroups: ["*"], resources: ["*"]}`, pods, ``, `every verb (*): every resource (*) of every API group (*)`},
		{`{verbs: [get, list], apiGroups: [""], resources: [pods]}`, `{verbs: ["*"], apiGroups: [""], resources: [pods]}`, `every verb (*): pods`, ``},
		{`{verbs: [get], apiGroups: [""], resources: ["*/log"]}`, `{verbs: [get], apiGroups: [""], resources: [pods/log, pods]}`, `get: pods`, `get: */log of core`},
		{`{verbs: [get], apiGroups: [""], resources: [pods], resourceNames: [a]}`, pods, `get: pods`, ``},
		{
			`{verbs: [get], apiGroups: [""], resources: [pods], resourceNames: [a, b]}`, `{verbs: [get], apiGroups: [""], resources: [pods], resourceNames: [b, c]}`,
			`get: pods named c`, `get: pods named a`,
		},
		{`{verbs: [get], nonResourceURLs: [/a, /b/*]}`, `{verbs: [get], nonResourceURLs: [/b/c, /d]}`, `get: URL /d`, `get: URL /a, /b/*`},
		{`{verbs: [get], nonResourceURLs: ["/*"]}`, `{verbs: [get], nonResourceURLs: ["*"]}, ` + pods, `get: pods`, ``},
	} {
		before, after := mustDecode(t, "rules: ["+c.before+"]").Rules, mustDecode(t, "rules: ["+c.after+"]").Rules
		if diff := cmp.Diff(c.gained, strings.Join(rights.Describe(rights.Gained(before, after)), "\n")); diff != "" {
			t.Errorf("%s → %s: gained (-want +got):\n%s", c.before, c.after, diff)
		}
		if diff := cmp.Diff(c.lost, strings.Join(rights.Describe(rights.Gained(after, before)), "\n")); diff != "" {
			t.Errorf("%s → %s: lost (-want +got):\n%s", c.before, c.after, diff)
		}
	}
}

// A short rule can have billions of combinations.
func TestGainedIsBounded(t *testing.T) {
	many := make([]string, 5000)
	for i := range many {
		many[i] = strings.Repeat("x", i%50) + string(rune('a'+i/50))
	}
	wide := rights.Rule{Verbs: many, APIGroups: many, Resources: many, ResourceNames: many}
	narrow := rights.Rule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}
	if got := rights.Gained([]rights.Rule{wide}, []rights.Rule{narrow, wide}); len(got) != 1 || got[0].Resources[0] != "pods" {
		t.Errorf("gained %d rules", len(got))
	}
	if got := rights.Gained([]rights.Rule{narrow}, []rights.Rule{wide}); len(got) != 1 || len(got[0].Verbs) != len(wide.Verbs) {
		t.Errorf("gained %d rules", len(got))
	}
}
