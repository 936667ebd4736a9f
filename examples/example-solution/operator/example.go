// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const exampleKind = "Example"

// exampleResource is the custom resource in the one API version that every
// version of the CRD serves and stores, so that an Operator runs with whichever
// version of the Solution is the active one, before or after its own.
func exampleResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "example-solution.metalk8s.scality.com", Version: "v1alpha1", Resource: "examples"}
}

func deploymentResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

func serviceResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: "services"}
}

// exampleSpec is what a user asks for.
type exampleSpec struct {
	Version  string `json:"version,omitempty"`  // of the Solution; default: the Operator's own
	Replicas *int64 `json:"replicas,omitempty"` // default 1
}

// The phases of an Example.
const (
	phaseProgressing = "Progressing" // some replicas are missing, or old
	phaseReady       = "Ready"       // every replica runs the wanted image and is ready
	phaseUnavailable = "Unavailable" // cannot be deployed: the message says why
)

// exampleStatus is what the Operator answers.
type exampleStatus struct {
	ObservedGeneration int64  `json:"observedGeneration,omitempty"`
	Phase              string `json:"phase"`
	Version            string `json:"version"` // the version that is wanted, its default filled in
	ReadyReplicas      int64  `json:"readyReplicas"`
	Image              string `json:"image,omitempty"`
	Message            string `json:"message,omitempty"`
}

// specOf reads the spec of an Example.
func specOf(ex *unstructured.Unstructured) (exampleSpec, error) {
	var spec exampleSpec
	raw, _, err := unstructured.NestedMap(ex.Object, "spec")
	if err != nil {
		return spec, fmt.Errorf("reading spec: %w", err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &spec); err != nil {
		return spec, fmt.Errorf("reading spec: %w", err)
	}
	return spec, nil
}

// withStatus returns a copy of the Example that has the status.
func withStatus(ex *unstructured.Unstructured, status exampleStatus) (*unstructured.Unstructured, error) {
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, fmt.Errorf("writing status: %w", err)
	}
	out := ex.DeepCopy()
	out.Object["status"] = raw
	return out, nil
}
