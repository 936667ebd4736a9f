// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

const operatorName = "example-solution-operator"

// newExample returns an Example as the API server would give it, with the spec.
func newExample(name string, spec object) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "example-solution.metalk8s.scality.com/v1alpha1",
		"kind":       "Example",
		"metadata":   object{"name": name, "namespace": "env", "uid": "uid-of-" + name, "generation": int64(3)},
		"spec":       spec,
	}}
}

func TestReconcileExample(t *testing.T) {
	long := strings.Repeat("x", 64)
	notLabel := validation.IsDNS1035Label(".")[0]
	const one = "registry:5000/example-solution-1.0.0/example-app:1.0.0"
	const two = "registry:5000/example-solution-2.0.0/example-app:2.0.0"
	for _, tc := range []struct {
		name         string
		example      *unstructured.Unstructured
		own          string
		want         outcome // without its Deployment
		wantReplicas int64   // -1: no Deployment
	}{
		{"defaults", newExample("a", object{}), "2.0.0", outcome{version: "2.0.0", image: two}, 1},
		{"no spec", &unstructured.Unstructured{Object: object{"metadata": object{"name": "a"}}}, "1.0.0", outcome{version: "1.0.0", image: one}, 1},
		{"version and replicas", newExample("a", object{"version": "1.0.0", "replicas": int64(4)}), "2.0.0", outcome{version: "1.0.0", image: one}, 4},
		{"no replicas", newExample("a", object{"replicas": int64(0)}), "1.0.0", outcome{version: "1.0.0", image: one}, 0},
		{"longest name", newExample(long[:63], object{}), "1.0.0", outcome{version: "1.0.0", image: one}, 1},
		{"name too long", newExample(long, object{}), "1.0.0", outcome{version: "1.0.0", message: "the name cannot be a Service's: must be no more than 63 characters"}, -1},
		{"name with a dot", newExample("a.b", object{}), "1.0.0", outcome{version: "1.0.0", message: "the name cannot be a Service's: " + notLabel}, -1},
		{
			"not imported", newExample("a", object{"version": "9.9.9"}), "1.0.0",
			outcome{version: "9.9.9", message: "version 9.9.9 is not available; imported: 1.0.0, 2.0.0, 3.0.0"},
			-1,
		},
		{"no image", newExample("a", object{"version": "3.0.0"}), "1.0.0", outcome{version: "3.0.0", message: "version 3.0.0 has no image example-app"}, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.example.DeepCopy()
			got := reconcileExample(tc.example, mustDecode(t, goodConfig), operatorName, tc.own)
			replicas := int64(-1)
			if got.deployment != nil {
				replicas, _, _ = unstructured.NestedInt64(got.deployment.Object, "spec", "replicas")
			}
			if replicas != tc.wantReplicas {
				t.Errorf("replicas = %d, want %d", replicas, tc.wantReplicas)
			}
			if (got.service == nil) != (got.deployment == nil) {
				t.Errorf("Service is %v", got.service)
			}
			got.deployment, got.service = nil, nil
			if got != tc.want {
				t.Errorf("outcome is\n%+v, want\n%+v", got, tc.want)
			}
			if diff := cmp.Diff(before.Object, tc.example.Object); diff != "" {
				t.Errorf("the Example was changed:\n%s", diff)
			}
		})
	}
}

// TestWrongType: the CRD's schema refuses this, where it is in place.
func TestWrongType(t *testing.T) {
	for _, ex := range []*unstructured.Unstructured{newExample("a", object{"replicas": "two"}), {Object: object{"spec": "text"}}} {
		got := reconcileExample(ex, mustDecode(t, goodConfig), operatorName, "1.0.0")
		if got.deployment != nil || !strings.HasPrefix(got.message, "reading spec: ") {
			t.Errorf("%v: Deployment %v, message %q", ex.Object["spec"], got.deployment, got.message)
		}
	}
}

func TestDeployment(t *testing.T) {
	got := deploymentFor(newExample("hello", object{}), "registry/example-app:1.0.0", 2, operatorName)
	want := object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": object{
			"name":      "hello",
			"namespace": "env",
			"labels": object{
				"app":                          "hello",
				"app.kubernetes.io/name":       "example-app",
				"app.kubernetes.io/instance":   "hello",
				"app.kubernetes.io/managed-by": "example-solution-operator",
			},
			"ownerReferences": list{object{
				"apiVersion": "example-solution.metalk8s.scality.com/v1alpha1",
				"kind":       "Example",
				"name":       "hello",
				"uid":        "uid-of-hello",
				"controller": true,
			}},
		},
		"spec": object{
			"replicas": int64(2),
			"selector": object{"matchLabels": object{"app": "hello"}},
			"template": object{
				"metadata": object{"labels": object{"app": "hello"}},
				"spec": object{
					"automountServiceAccountToken": false,
					"securityContext":              object{"runAsNonRoot": true, "seccompProfile": object{"type": "RuntimeDefault"}},
					"containers": list{object{
						"name":           "example-app",
						"image":          "registry/example-app:1.0.0",
						"ports":          list{object{"name": "http", "containerPort": int64(8080), "protocol": "TCP"}},
						"readinessProbe": object{"httpGet": object{"path": "/", "port": "http"}},
						"securityContext": object{
							"allowPrivilegeEscalation": false,
							"readOnlyRootFilesystem":   true,
							"capabilities":             object{"drop": list{"ALL"}},
						},
					}},
				},
			},
		},
	}
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Errorf("Deployment (-want +got):\n%s", diff)
	}
}

func TestService(t *testing.T) {
	ex := newExample("hello", object{})
	got := serviceFor(ex, operatorName)
	want := object{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   deploymentFor(ex, "image", 1, operatorName).Object["metadata"],
		"spec": object{
			"selector": object{"app": "hello"},
			"ports":    list{object{"name": "http", "port": int64(80), "targetPort": "http", "protocol": "TCP"}},
		},
	}
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Errorf("Service (-want +got):\n%s", diff)
	}
}

// newDeployment returns a Deployment of n replicas with a status.
func newDeployment(n, observed int64, status object) *unstructured.Unstructured {
	d := deploymentFor(newExample("hello", object{}), "image", n, operatorName)
	d.SetGeneration(7)
	status = maps.Clone(status)
	status["observedGeneration"] = observed
	d.Object["status"] = status
	return d
}

func TestStatus(t *testing.T) {
	planned := outcome{version: "1.0.0", image: "image"}
	all := object{"replicas": int64(2), "updatedReplicas": int64(2), "readyReplicas": int64(2)}
	for _, tc := range []struct {
		name      string
		outcome   outcome
		live      *unstructured.Unstructured
		wantPhase string
		wantReady int64
	}{
		{"nothing yet", planned, nil, phaseProgressing, 0},
		{"no status yet", planned, newDeployment(2, 0, object{}), phaseProgressing, 0},
		{"ready", planned, newDeployment(2, 7, all), phaseReady, 2},
		{"newer than seen", planned, newDeployment(2, 6, all), phaseProgressing, 2},
		{"one ready", planned, newDeployment(2, 7, object{"replicas": int64(2), "updatedReplicas": int64(2), "readyReplicas": int64(1)}), phaseProgressing, 1},
		{"one old", planned, newDeployment(2, 7, object{"replicas": int64(2), "updatedReplicas": int64(1), "readyReplicas": int64(2)}), phaseProgressing, 2},
		{"one too many", planned, newDeployment(2, 7, object{"replicas": int64(3), "updatedReplicas": int64(2), "readyReplicas": int64(2)}), phaseProgressing, 2},
		{"none wanted", planned, newDeployment(0, 7, object{}), phaseReady, 0},
		{"cannot be", outcome{version: "9", message: "no"}, nil, phaseUnavailable, 0},
		{"cannot be any more", outcome{version: "9", message: "no"}, newDeployment(2, 7, all), phaseUnavailable, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := statusOf(newExample("hello", object{}), tc.outcome, tc.live)
			want := exampleStatus{
				ObservedGeneration: 3,
				Phase:              tc.wantPhase,
				Version:            tc.outcome.version,
				ReadyReplicas:      tc.wantReady,
				Image:              tc.outcome.image,
				Message:            tc.outcome.message,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestControlledBy(t *testing.T) {
	ex := newExample("hello", object{})
	mine := deploymentFor(ex, "image", 1, operatorName)
	if !controlledBy(mine, ex) {
		t.Error("its own Deployment is not its own")
	}
	reborn := ex.DeepCopy()
	reborn.SetUID(types.UID("another"))
	if controlledBy(mine, reborn) {
		t.Error("the Deployment of an earlier Example of that name is taken for its own")
	}
	mine.SetOwnerReferences(nil)
	if controlledBy(mine, ex) {
		t.Error("a Deployment of nobody is taken for its own")
	}
}

func TestContains(t *testing.T) {
	for _, tc := range []struct {
		name       string
		have, want any
		contains   bool
	}{
		{"equal", object{"a": int64(1)}, object{"a": int64(1)}, true},
		{"more fields", object{"a": int64(1), "b": "x"}, object{"a": int64(1)}, true},
		{"missing field", object{"a": int64(1)}, object{"b": "x"}, false},
		{"other value", object{"a": int64(1)}, object{"a": int64(2)}, false},
		{"other type", object{"a": "1"}, object{"a": int64(1)}, false},
		{"object for a value", object{"a": object{}}, object{"a": int64(1)}, false},
		{"value for an object", object{"a": int64(1)}, object{"a": object{}}, false},
		{"value for a list", object{"a": int64(1)}, object{"a": list{}}, false},
		{"items with more fields", list{object{"a": "x", "b": "y"}}, list{object{"a": "x"}}, true},
		{"more items", list{"x", "y"}, list{"x"}, false},
		{"other order", list{"x", "y"}, list{"y", "x"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := contains(tc.have, tc.want); got != tc.contains {
				t.Errorf("contains = %t, want %t", got, tc.contains)
			}
		})
	}
}
