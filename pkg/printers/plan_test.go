// SPDX-License-Identifier: Apache-2.0

package printers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

func samplePlan() *plan.Plan {
	deployment := plan.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "staging", Name: "x-operator"}
	return &plan.Plan{
		Node: []plan.NodeChange{
			{Subject: "/x.iso", ID: "x-1.0.0", Action: "imported"}, {Subject: "x", Action: "deactivated"}, {Subject: "/gone.iso", Action: "unchanged"},
		},
		Changes: []plan.Change{
			{Action: plan.Create, Object: plan.Ref{Kind: "Namespace", Name: "staging"}},
			{Action: plan.Update, Object: deployment, Fields: []plan.FieldChange{
				{Path: "spec.a", To: "new"}, {Path: "spec.b", From: int64(1)}, {Path: "spec.c", From: "old", To: strings.Repeat("n", 100)},
			}, Kept: []plan.KeptField{{Path: "spec.replicas", Manager: "kubectl", Value: int64(3)}}},
			{Action: plan.Update, Object: plan.Ref{Kind: "Service", Namespace: "staging", Name: "x-ui"}, Adopted: "Helm release staging/x"},
			{Action: plan.Replace, Object: deployment, Reason: "spec.selector differs, and is immutable"},
			{Action: plan.None, Object: plan.Ref{Kind: "ServiceAccount", Namespace: "staging", Name: "x-operator"}},
			{Action: plan.None, Object: plan.Ref{Kind: "ConfigMap", Namespace: "staging", Name: "x-operator-config"}},
			{Action: plan.Keep, Object: plan.DefinitionRef("xs.example.com"), Reason: "needed by Environment staging"},
			{Action: plan.Delete, Object: plan.Ref{Kind: "ConfigMap", Namespace: "staging", Name: "old"}},
		},
		Images:      []plan.ImageTotal{{ID: "x-1.0.0", Count: 2, Bytes: 3 << 20}},
		Definitions: []plan.DefinitionChange{{Name: "xs.example.com", Action: plan.Update, From: []string{"v1beta1"}, To: []string{"v1"}, Objects: 2}},
		Rights:      []plan.RightsChange{{Solution: "x", Namespace: "staging", Gains: []string{"get: pods"}, Loses: []string{"list: nodes"}, Dangerous: []string{"every verb"}}},
		Destroys:    []string{"deleting xs.example.com deletes 2 custom resources"},
	}
}

func TestChanges(t *testing.T) {
	p := samplePlan()
	var out strings.Builder
	printers.Changes(&out, p.Node, p.Changes, printers.PlanOptions{})
	want := `solution/x-1.0.0 imported
solution/x deactivated
archive /gone.iso unchanged
namespace/staging created
deployment.apps/x-operator configured in namespace staging
service/x-ui configured in namespace staging, taken over from Helm release staging/x
deployment.apps/x-operator replaced in namespace staging: spec.selector differs, and is immutable
customresourcedefinition.apiextensions.k8s.io/xs.example.com kept: needed by Environment staging
configmap/old deleted in namespace staging
2 unchanged
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnchangedOnRequest(t *testing.T) {
	var out strings.Builder
	printers.Changes(&out, nil, samplePlan().Changes[4:6], printers.PlanOptions{Unchanged: true, Suffix: " (dry run)"})
	want := `serviceaccount/x-operator unchanged in namespace staging (dry run)
configmap/x-operator-config unchanged in namespace staging (dry run)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPlanWithDetails(t *testing.T) {
	var out strings.Builder
	p := samplePlan()
	p.Node, p.Changes = nil, p.Changes[1:2]
	printers.Plan(&out, p, printers.PlanOptions{Details: true, Suffix: " (server dry run)"})
	want := `deployment.apps/x-operator configured in namespace staging (server dry run)
  spec.a: set to "new"
  spec.b: removed, was 1
  spec.c: "old" → "` + strings.Repeat("n", 79) + `…
  spec.replicas: stays 3, set by kubectl
images of x-1.0.0: 2, 3.0 MiB
definition xs.example.com: configured, serves v1 instead of v1beta1, 2 custom resources
Operator of x in namespace staging gains: get: pods
Operator of x in namespace staging loses: list: nodes
dangerous: every verb
asks first: deleting xs.example.com deletes 2 custom resources
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
