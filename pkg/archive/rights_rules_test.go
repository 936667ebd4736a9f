// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

// roleText is a role.yaml with one role, whose rules and more are given in YAML.
func roleText(kind, metadata, more string) func(b *archivetest.Builder) {
	return func(b *archivetest.Builder) {
		b.WithFile("operator/deploy/role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: "+kind+"\nmetadata: "+metadata+"\n"+more+"\n")
	}
}

// rightsCases are about the names of roles, and what they allow.
func rightsCases() []ruleCase {
	const (
		path    = " operator/deploy/role.yaml: "
		getPods = `{apiGroups: [""], resources: [pods], verbs: [get]}`
		own     = `{apiGroups: [example-solution.example.com], resources: [examples], verbs: [get]}`
		view    = `{name: a, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true", rbac.authorization.k8s.io/aggregate-to-edit: "true", app: a}}`
		dropped = `ClusterRole "a" is deployed without label rbac.authorization.k8s.io/aggregate-to-edit, rbac.authorization.k8s.io/aggregate-to-view, ` +
			`which is kept only for API groups of the archive's own CRDs: `
	)
	named := func(kind, name string) func(b *archivetest.Builder) {
		return roleText(kind, `{name: "`+name+`"}`, "rules: ["+getPods+"]")
	}
	rules := func(kind, text string) func(b *archivetest.Builder) {
		return roleText(kind, "{name: a}", "rules: ["+text+"]")
	}
	return []ruleCase{
		{
			"ClusterRole of Kubernetes", named("ClusterRole", "cluster-admin"),
			`error(prepare) role-reserved-name` + path + `ClusterRole "cluster-admin": the name is reserved: Kubernetes has a ClusterRole of that name`,
		},
		{
			"Role named as one of Kubernetes", named("Role", "view"),
			`error(prepare) role-reserved-name` + path + `Role "view": the name is reserved: Kubernetes has a ClusterRole of that name`,
		},
		{
			"role of the system", named("Role", "system:a"),
			`error(prepare) role-reserved-name` + path + `Role "system:a": the name is reserved: names that start with "system:" belong to Kubernetes`,
		},
		{
			"ClusterRole of another Solution", named("ClusterRole", "other:1.0.0:a"),
			`error(prepare) role-reserved-name` + path + `ClusterRole "other:1.0.0:a": the name is reserved: <Solution>:<version>:<role> is the form of ClusterRoles of other Solutions, here of "other"`,
		},
		{"ClusterRole of this Solution", named("ClusterRole", "example-solution:1.0.0:a"), ``},
		{"no manifest, no Solution", func(b *archivetest.Builder) {
			named("ClusterRole", "example-solution:1.0.0:a")(b)
			b.Without("manifest.yaml")
		}, `error(import) manifest-missing manifest.yaml: the archive has no such file, and so is no Solution`},

		{
			"rule without verbs", rules("Role", getPods+`, {apiGroups: [""], resources: [pods], verb: [get]}`),
			`error(import) role-rules` + path + `Role "a": rules[1] has no verbs` + "\n" +
				`warning role-unknown-field` + path + `Role "a": unknown field rules[1].verb, which Kubernetes ignores`,
		},
		{
			"nonResourceURLs in a Role", rules("Role", `{nonResourceURLs: [/metrics], verbs: [get]}`),
			`error(import) role-rules` + path + `Role "a": rules[0] has nonResourceURLs, which only a ClusterRole can have`,
		},
		{"nonResourceURLs", rules("ClusterRole", `{nonResourceURLs: [/metrics], verbs: [get]}`), ``},
		{
			"rule without resources", rules("ClusterRole", `{apiGroups: [""], resources: [], verbs: ["*"]}`),
			`error(import) role-rules` + path + `ClusterRole "a": rules[0] has no resources`,
		},
		{
			"verbs no list", rules("Role", `{apiGroups: [""], resources: [pods], verbs: get}`),
			`error(import) role-rules` + path + `Role "a": rules[0].verbs must be a list, not "get"`,
		},
		{
			"rules misspelt", roleText("Role", "{name: a}", "rule: ["+getPods+"]"),
			`error(import) role-rules` + path + `Role "a": has no rules; unknown field: rule` + "\n" +
				`warning role-unknown-field` + path + `Role "a": unknown field rule, which Kubernetes ignores`,
		},
		{
			"label of a role", roleText("Role", "{name: a, labels: {a: b c}}", ""),
			`error(import) role-rules` + path + `Role "a": label "a": value "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ` +
				`and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
		},
		{"rules no longer than usual", roleText("Role", "{name: a, creationTimestamp: null, namespace: b}", "rules: []"), ``},
		{
			"unknown field", rules("Role", `{apiGroups: [""], resources: [pods], resourceName: [b], verbs: [get]}`),
			`warning role-unknown-field` + path + `Role "a": unknown field rules[0].resourceName, which Kubernetes ignores`,
		},

		{
			"everything", rules("ClusterRole", `{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}`),
			`warning role-dangerous` + path + `ClusterRole "a": every verb (*) on every resource (*) of every API group (*), including escalate, bind, impersonate, access to Secrets`,
		},
		{"everything of its own", rules("ClusterRole", `{apiGroups: [example-solution.example.com], resources: ["*"], verbs: ["*"]}`), ``},
		{
			"escalate and bind", rules("ClusterRole", `{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [get, escalate, bind]}`),
			`warning role-dangerous` + path + `ClusterRole "a": bind on roles of rbac.authorization.k8s.io: can bind roles that allow more than it may do itself` + "\n" +
				`warning role-dangerous` + path + `ClusterRole "a": escalate on roles of rbac.authorization.k8s.io: can write roles that allow more than it may do itself`,
		},
		{
			"Secrets", rules("Role", `{apiGroups: [""], resources: [pods, secrets], verbs: [list, get]}`),
			`warning role-dangerous` + path + `Role "a": get, list on secrets`,
		},
		{
			"aggregation of others", roleText("ClusterRole", "{name: a}", "aggregationRule: {clusterRoleSelectors: [{matchLabels: {b: c}}]}"),
			`warning role-dangerous` + path + `ClusterRole "a": aggregationRule: has the rules of every ClusterRole with b=c`,
		},

		{"aggregated, own group", roleText("ClusterRole", view, "rules: ["+own+"]"), ``},
		{"aggregated, a Role", roleText("Role", view, "rules: ["+getPods+"]"), ``},
		{
			"aggregated", roleText("ClusterRole", view, "rules: ["+own+", "+getPods+"]"),
			`warning role-aggregation` + path + dropped + `a rule is about the core API group ("")`,
		},
		{"aggregated, group of a CRD that is not there", func(b *archivetest.Builder) {
			roleText("ClusterRole", view, "rules: ["+own+"]")(b)
			b.Without("operator/deploy/crds")
		}, `warning role-aggregation` + path + dropped + `a rule is about API group example-solution.example.com`},
		{"aggregated, group of Kubernetes", func(b *archivetest.Builder) {
			roleText("ClusterRole", view, "rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [get]}]")(b)
			approved(b, "rbac.authorization.k8s.io", "https://github.com/kubernetes/enhancements/pull/1111")
		}, `warning role-aggregation` + path + dropped + `a rule is about API group rbac.authorization.k8s.io`},
	}
}

// approved makes the CRD one of another API group, with this annotation.
func approved(b *archivetest.Builder, group, annotation string) {
	text := strings.ReplaceAll(archivetest.CRD, "example-solution.example.com", group)
	b.WithFile("operator/deploy/crds/example_crd.yaml", strings.Replace(text, "metadata:\n", "metadata:\n  annotations: {api-approved.kubernetes.io: '"+annotation+"'}\n", 1))
}

// crdWarningCases are about definitions that an archive has to be trusted with.
func crdWarningCases() []ruleCase {
	const file = " operator/deploy/crds/example_crd.yaml: "
	conversion := func(client string) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) {
			b.WithFile("operator/deploy/crds/example_crd.yaml", strings.Replace(archivetest.CRD, "spec:\n",
				"spec:\n  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {"+client+"}}}\n", 1))
		}
	}
	group := func(group, annotation string) func(b *archivetest.Builder) {
		return func(b *archivetest.Builder) { approved(b, group, annotation) }
	}
	return []ruleCase{
		{"conversion by a Service", conversion("service: {name: a, namespace: b}"), ``},
		{
			"conversion at a URL", conversion(`url: "https://collector.example.net/convert"`),
			`warning crd-conversion-url` + file + `examples.example-solution.example.com is converted by https://collector.example.net/convert: every object of it is sent there for conversion`,
		},
		{"group of Kubernetes, approved", group("a.k8s.io", "https://github.com/kubernetes/enhancements/pull/1111"), ``},
		{
			"group of Kubernetes", group("a.k8s.io", "unapproved, of a vendor"),
			`warning crd-unapproved-group` + file + `examples.a.k8s.io is in API group a.k8s.io, which belongs to Kubernetes, and annotation api-approved.kubernetes.io is not the URL of an approval but "unapproved, of a vendor"`,
		},
	}
}
