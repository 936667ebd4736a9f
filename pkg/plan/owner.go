// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Claim is whose a live object is, as seen by the Solution that wants it.
type Claim int

// Claims.
const (
	// Ours carries the labels of this project and of the same Solution.
	Ours Claim = iota
	// Older was left by the older tooling for the same Solution.
	Older
	// Foreign is anything else: it is not written and not deleted.
	Foreign
)

// olderManager is the value of v1alpha1.ManagedByLabel, and of heritageLabel,
// on what the older tooling deployed.
const olderManager = "salt"

const (
	heritageLabel     = "heritage"
	olderVersionLabel = "metalk8s.scality.com/version"
	// bootstrappingLabel marks the roles that Kubernetes itself brings.
	bootstrappingLabel = "kubernetes.io/bootstrapping"
)

// ClaimOf returns whose a live object is. Older tooling gave no name of a
// Solution to some kinds: these count as left for any Solution.
func ClaimOf(live *unstructured.Unstructured, solution string) Claim {
	labels := live.GetLabels()
	if isKubernetesOwn(live) {
		return Foreign
	}
	part, named := labels[v1alpha1.PartOfLabel]
	switch {
	case labels[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager:
		if part == solution {
			return Ours
		}
	case isOlder(labels):
		if !named || part == solution || part == partOf && solution == partOf {
			return Older
		}
	}
	return Foreign
}

func isOlder(labels map[string]string) bool {
	_, versioned := labels[olderVersionLabel]
	manager, managed := labels[v1alpha1.ManagedByLabel]
	return manager == olderManager || !managed && (labels[heritageLabel] == olderManager || versioned)
}

// isKubernetesOwn reports whether an object is a role that Kubernetes brings:
// no flag makes this project change one.
func isKubernetesOwn(live *unstructured.Unstructured) bool {
	if live.GroupVersionKind().Group != rbacGroup {
		return false
	}
	name := live.GetName()
	_, bootstrapping := live.GetLabels()[bootstrappingLabel]
	return bootstrapping || v1alpha1.IsKubernetesRole(name)
}

// OwnerName returns who seems to own a live object, as far as labels,
// annotations and field managers tell.
func OwnerName(live *unstructured.Unstructured) string {
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	if isKubernetesOwn(live) {
		return "Kubernetes"
	}
	if labels[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager {
		return "Solution " + labels[v1alpha1.PartOfLabel]
	}
	if release := annotations["meta.helm.sh/release-name"]; release != "" {
		return "Helm release " + join(annotations["meta.helm.sh/release-namespace"], release)
	}
	known := []struct{ text, name string }{
		{labels["olm.owner"], "OLM, for "},
		{labels["argocd.argoproj.io/instance"], "Argo CD application "},
		{annotations["argocd.argoproj.io/tracking-id"], "Argo CD, tracked as "},
		{join(labels["kustomize.toolkit.fluxcd.io/namespace"], labels["kustomize.toolkit.fluxcd.io/name"]), "Flux Kustomization "},
		{join(labels["helm.toolkit.fluxcd.io/namespace"], labels["helm.toolkit.fluxcd.io/name"]), "Flux HelmRelease "},
	}
	for _, k := range known {
		if k.text != "" {
			return k.name + k.text
		}
	}
	if c := metav1.GetControllerOf(live); c != nil {
		return c.Kind + " " + c.Name
	}
	if isOlder(labels) {
		if solution := labels[v1alpha1.PartOfLabel]; solution != "" {
			return "the older tooling, for Solution " + solution
		}
		return "the older tooling"
	}
	if manager := labels[v1alpha1.ManagedByLabel]; manager != "" {
		return manager
	}
	return ownerByManagers(live)
}

func ownerByManagers(live *unstructured.Unstructured) string {
	if _, ok := live.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; ok {
		return "someone who used kubectl apply"
	}
	for _, f := range live.GetManagedFields() {
		switch {
		case f.Subresource != "" || f.Manager == v1alpha1.FieldManager:
		case strings.HasPrefix(f.Manager, "kubectl"):
			return "someone who used " + f.Manager
		default:
			return "field manager " + f.Manager
		}
	}
	return "someone else"
}

func join(namespace, name string) string {
	if namespace == "" || name == "" {
		return name
	}
	return namespace + "/" + name
}
