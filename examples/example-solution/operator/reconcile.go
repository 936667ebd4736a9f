// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	appImage       = "example-app"
	appPort        = int64(8080)
	servicePort    = int64(80)
	labelManagedBy = "app.kubernetes.io/managed-by"
)

// outcome is what one Example should have. Without a Deployment there is no
// Service either; the message says why there can be none, and what exists is
// left as it is.
type outcome struct {
	version             string
	image               string
	message             string
	deployment, service *unstructured.Unstructured
}

// reconcileExample decides what the Example should have, from nothing but its
// arguments: the Operator's configuration, name and own version.
func reconcileExample(ex *unstructured.Unstructured, cfg operatorConfig, operatorName, ownVersion string) outcome {
	spec, err := specOf(ex)
	if err != nil {
		return outcome{message: err.Error()}
	}
	o := outcome{version: spec.Version}
	if o.version == "" {
		o.version = ownVersion
	}
	// The name is that of a Service too, which may have the fewest characters.
	if problems := validation.IsDNS1035Label(ex.GetName()); len(problems) > 0 {
		o.message = "the name cannot be a Service's: " + problems[0]
		return o
	}
	if _, imported := cfg.Repositories[o.version]; !imported {
		o.message = fmt.Sprintf("version %s is not available; imported: %s", o.version, strings.Join(cfg.versions(), ", "))
		return o
	}
	o.image = cfg.image(o.version, appImage)
	if o.image == "" {
		o.message = fmt.Sprintf("version %s has no image %s", o.version, appImage)
		return o
	}
	replicas := int64(1)
	if spec.Replicas != nil {
		replicas = *spec.Replicas
	}
	o.deployment = deploymentFor(ex, o.image, replicas, operatorName)
	o.service = serviceFor(ex, operatorName)
	return o
}

// deploymentFor holds the fields that the Operator insists on, and no other:
// what a person, an autoscaler or the API server adds beside them stays. It has
// everything that the "restricted" Pod Security Standard asks for.
func deploymentFor(ex *unstructured.Unstructured, image string, replicas int64, operatorName string) *unstructured.Unstructured {
	name := ex.GetName()
	container := object{
		"name":  appImage,
		"image": image,
		"ports": list{object{"name": "http", "containerPort": appPort, "protocol": "TCP"}},
		"readinessProbe": object{
			"httpGet": object{"path": "/", "port": "http"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false,
			"readOnlyRootFilesystem":   true,
			"capabilities":             object{"drop": list{"ALL"}},
		},
	}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   metadataFor(ex, operatorName),
		"spec": object{
			"replicas": replicas,
			"selector": object{"matchLabels": object{"app": name}},
			"template": object{
				"metadata": object{"labels": object{"app": name}},
				"spec": object{
					"containers":                   list{container},
					"automountServiceAccountToken": false,
					"securityContext":              object{"runAsNonRoot": true, "seccompProfile": object{"type": "RuntimeDefault"}},
				},
			},
		},
	}}
}

// serviceFor makes the application answer under the Example's name.
func serviceFor(ex *unstructured.Unstructured, operatorName string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1",
		"kind":       "Service",
		"metadata":   metadataFor(ex, operatorName),
		"spec": object{
			"selector": object{"app": ex.GetName()},
			"ports":    list{object{"name": "http", "port": servicePort, "targetPort": "http", "protocol": "TCP"}},
		},
	}}
}

// metadataFor is that of what an Example has: its name, and itself as the owner.
func metadataFor(ex *unstructured.Unstructured, operatorName string) object {
	name := ex.GetName()
	return object{
		"name":            name,
		"namespace":       ex.GetNamespace(),
		"labels":          object{"app": name, "app.kubernetes.io/name": appImage, "app.kubernetes.io/instance": name, labelManagedBy: operatorName},
		"ownerReferences": list{ownerReference(ex)},
	}
}

// ownerReference has no blockOwnerDeletion: some clusters grant that only to
// those who may change the finalizers of the owner, and nothing here needs it.
func ownerReference(ex *unstructured.Unstructured) object {
	return object{
		"apiVersion": ex.GetAPIVersion(),
		"kind":       exampleKind,
		"name":       ex.GetName(),
		"uid":        string(ex.GetUID()),
		"controller": true,
	}
}

// statusOf says how far the Example is, given what it should have and the
// Deployment that exists (nil where there is none).
func statusOf(ex *unstructured.Unstructured, o outcome, live *unstructured.Unstructured) exampleStatus {
	s := exampleStatus{
		ObservedGeneration: ex.GetGeneration(),
		Phase:              phaseProgressing,
		Version:            o.version,
		Image:              o.image,
		Message:            o.message,
	}
	if live != nil {
		s.ReadyReplicas = statusNumber(live, "readyReplicas")
	}
	switch {
	case o.message != "":
		s.Phase = phaseUnavailable
	case live != nil && rolledOut(live):
		s.Phase = phaseReady
	}
	return s
}

// rolledOut tells whether the Deployment controller has seen the newest spec and
// every replica, none too many, is of it and ready.
func rolledOut(d *unstructured.Unstructured) bool {
	want, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	return statusNumber(d, "observedGeneration") >= d.GetGeneration() &&
		statusNumber(d, "updatedReplicas") == want &&
		statusNumber(d, "replicas") == want &&
		statusNumber(d, "readyReplicas") == want
}

// statusNumber reads a number of a status, where an absent one means 0.
func statusNumber(obj *unstructured.Unstructured, field string) int64 {
	n, _, _ := unstructured.NestedInt64(obj.Object, "status", field)
	return n
}

// controlledBy tells whether obj belongs to the Example.
func controlledBy(obj, ex *unstructured.Unstructured) bool {
	owner := v1.GetControllerOf(obj)
	return owner != nil && owner.UID == ex.GetUID()
}
