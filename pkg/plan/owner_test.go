// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Whose an object is, as seen by Solutions storage and web; and what is said of
// its owner.
func TestClaimAndOwnerName(t *testing.T) {
	const ours, older, foreign = plan.Ours, plan.Older, plan.Foreign
	for name, tt := range map[string]struct {
		object       string
		storage, web plan.Claim
		owner        string
	}{
		"ours":                {`{labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: storage}}`, ours, foreign, "Solution storage"},
		"ours and heritage":   {`{labels: {app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: storage, heritage: salt}}`, ours, foreign, "Solution storage"},
		"of no Solution":      {`{labels: {app.kubernetes.io/managed-by: kubectl-solution}}`, foreign, foreign, "Solution "},
		"only part of it":     {`{labels: {app.kubernetes.io/part-of: storage}}`, foreign, foreign, "someone else"},
		"older tooling's":     {`{labels: {app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: storage}}`, older, foreign, "the older tooling, for Solution storage"},
		"older, any's":        {`{labels: {app.kubernetes.io/managed-by: salt}}`, older, older, "the older tooling"},
		"older, by heritage":  {`{labels: {heritage: salt}}`, older, older, "the older tooling"},
		"older, by version":   {`{labels: {metalk8s.scality.com/version: "2.4", app.kubernetes.io/part-of: web}}`, foreign, older, "the older tooling, for Solution web"},
		"older, and managed":  {`{labels: {heritage: salt, app.kubernetes.io/managed-by: Helm}}`, foreign, foreign, "Helm"},
		"versioned, managed":  {`{labels: {metalk8s.scality.com/version: "2.4", app.kubernetes.io/managed-by: x}}`, foreign, foreign, "x"},
		"another heritage":    {`{labels: {heritage: Helm}}`, foreign, foreign, "someone else"},
		"older, of MetalK8s":  {`{labels: {app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: metalk8s}}`, foreign, foreign, "the older tooling, for Solution metalk8s"},
		"Helm":                {`{labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: r, meta.helm.sh/release-namespace: ns}}`, foreign, foreign, "Helm release ns/r"},
		"Helm, no namespace":  {`{annotations: {meta.helm.sh/release-name: r}}`, foreign, foreign, "Helm release r"},
		"OLM":                 {`{labels: {olm.owner: packageserver, olm.owner.kind: ClusterServiceVersion}}`, foreign, foreign, "OLM, for packageserver"},
		"Argo CD":             {`{labels: {argocd.argoproj.io/instance: app}}`, foreign, foreign, "Argo CD application app"},
		"Argo CD, annotation": {`{annotations: {argocd.argoproj.io/tracking-id: "app:apps/Deployment:ns/a"}}`, foreign, foreign, "Argo CD, tracked as app:apps/Deployment:ns/a"},
		"Flux":                {`{labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}}`, foreign, foreign, "Flux Kustomization flux-system/apps"},
		"Flux, by Helm":       {`{labels: {helm.toolkit.fluxcd.io/name: apps, helm.toolkit.fluxcd.io/namespace: flux-system}}`, foreign, foreign, "Flux HelmRelease flux-system/apps"},
		"a controller": {
			`{ownerReferences: [{apiVersion: v1, kind: Node, name: n}, {apiVersion: example.com/v1, kind: Web, name: w, controller: true}]}`,
			foreign, foreign, "Web w",
		},
		"another manager":       {`{labels: {app.kubernetes.io/managed-by: terraform}}`, foreign, foreign, "terraform"},
		"kubectl apply":         {`{annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}, managedFields: [{manager: kubectl-edit}]}`, foreign, foreign, "someone who used kubectl apply"},
		"kubectl":               {`{managedFields: [{manager: kubectl-create, operation: Update}]}`, foreign, foreign, "someone who used kubectl-create"},
		"a program":             {`{managedFields: [{manager: up, subresource: status}, {manager: kubectl-solution}, {manager: manager, operation: Update}]}`, foreign, foreign, "field manager manager"},
		"only a status":         {`{managedFields: [{manager: up, subresource: status}]}`, foreign, foreign, "someone else"},
		"Helm knows better":     {`{annotations: {meta.helm.sh/release-name: r}, labels: {olm.owner: o}, managedFields: [{manager: helm}]}`, foreign, foreign, "Helm release r"},
		"a label of Kubernetes": {`{labels: {kubernetes.io/bootstrapping: rbac-defaults, app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: storage}}`, ours, foreign, "Solution storage"},
	} {
		u := parseObjects(t, `{apiVersion: v1, kind: ConfigMap, metadata: `+tt.object+`}`)[0]
		if storage, web := plan.ClaimOf(u, "storage"), plan.ClaimOf(u, "web"); storage != tt.storage || web != tt.web {
			t.Errorf("%s: claims of storage %d and of web %d, want %d and %d", name, storage, web, tt.storage, tt.web)
		}
		if got := plan.OwnerName(u); got != tt.owner {
			t.Errorf("%s: owner %q, want %q", name, got, tt.owner)
		}
	}
}

// Roles that Kubernetes brings are nobody else's, whatever their labels say.
func TestRolesOfKubernetes(t *testing.T) {
	const labels = `app.kubernetes.io/managed-by: kubectl-solution, app.kubernetes.io/part-of: storage`
	for text, want := range map[string]plan.Claim{
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: view, labels: {` + labels + `}}}`:                                               plan.Foreign,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "system:node", labels: {` + labels + `}}}`:                                      plan.Foreign,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, labels: {kubernetes.io/bootstrapping: rbac-defaults, ` + labels + `}}}`:      plan.Foreign,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: "system:a", labels: {` + labels + `}}}`:                                         plan.Foreign,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: viewer, labels: {` + labels + `}}}`:                                             plan.Ours,
		`{apiVersion: v1, kind: ConfigMap, metadata: {name: view, labels: {` + labels + `}}}`:                                                                           plan.Ours,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: cluster-admin, labels: {app.kubernetes.io/managed-by: salt}}}`:                  plan.Foreign,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: example-role, labels: {app.kubernetes.io/managed-by: salt, heritage: salt}}}`:          plan.Older,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: example-role, labels: {app.kubernetes.io/managed-by: salt-minion, heritage: "salt"}}}`: plan.Foreign,
	} {
		u := parseObjects(t, text)[0]
		if got := plan.ClaimOf(u, "storage"); got != want {
			t.Errorf("%s: claim %d, want %d", text, got, want)
		}
		if u.GetKind() == "ClusterRole" && want == plan.Foreign && plan.OwnerName(u) != "Kubernetes" {
			t.Errorf("%s: owner %q", text, plan.OwnerName(u))
		}
	}
}

// What the older tooling left that concerns all Solutions may be taken over for
// all of them.
func TestClaimOfWhatConcernsAllSolutions(t *testing.T) {
	u := parseObjects(t, `{apiVersion: v1, kind: Namespace, metadata: {name: metalk8s-solutions, labels: {app.kubernetes.io/managed-by: salt, app.kubernetes.io/part-of: metalk8s}}}`)[0]
	if got := plan.ClaimOf(u, "metalk8s"); got != plan.Older {
		t.Errorf("claim %d", got)
	}
}

// Objects as a real API server returns them.
func TestOwnerNamesOfRealObjects(t *testing.T) {
	strangers := live(t, "strangers")
	for kind, want := range map[string]string{
		"Deployment":     "someone who used kubectl-create",
		"ConfigMap":      "someone who used kubectl-create",
		"Role":           "someone who used kubectl-create",
		"RoleBinding":    "someone who used kubectl-create",
		"ServiceAccount": "someone who used kubectl apply",
		"Service":        "Helm release staging-ns/web",
	} {
		for _, u := range strangers {
			if u.GetKind() == kind && (plan.OwnerName(u) != want || plan.ClaimOf(u, "example-solution") != plan.Foreign) {
				t.Errorf("%s: owner %q, want %q", kind, plan.OwnerName(u), want)
			}
		}
	}
	for file, want := range map[string]plan.Claim{"ours": plan.Ours, "edited": plan.Ours, "told": plan.Ours, "older": plan.Older} {
		for _, u := range live(t, file) {
			if got := plan.ClaimOf(u, "example-solution"); got != want {
				t.Errorf("%s: claim %d of %s %s", file, got, u.GetKind(), u.GetName())
			}
		}
	}
}
