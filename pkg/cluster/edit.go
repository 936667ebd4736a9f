// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// Remove forgets a Solution.
func (n *EnvironmentNamespace) Remove(solution string) {
	delete(n.Solutions, solution)
	delete(n.Webhooks, solution)
}

// Edited returns the namespace's ConfigMap as it is to be, with the
// resourceVersion that it was read in, and as a change of a plan.
func (n *EnvironmentNamespace) Edited(scope plan.Scope) (plan.Change, error) {
	cm := n.edited()
	manifest, err := toUnstructured(cm)
	if err != nil {
		return plan.Change{}, err
	}
	var live *unstructured.Unstructured
	if n.ConfigMap != nil {
		if live, err = toUnstructured(n.ConfigMap); err != nil {
			return plan.Change{}, err
		}
	}
	return plan.PutConfigMap(manifest, live, scope), nil
}

func (n *EnvironmentNamespace) edited() *corev1.ConfigMap {
	cm := &corev1.ConfigMap{}
	if n.ConfigMap != nil {
		cm = n.ConfigMap.DeepCopy()
	}
	cm.Name, cm.Namespace = v1alpha1.EnvironmentConfigMap, n.Name()
	cm.Data = maps.Clone(n.Solutions)
	if len(cm.Data) == 0 {
		cm.Data = nil // as the API server returns it
	}
	maps.DeleteFunc(n.Webhooks, func(_ string, on bool) bool { return !on })
	cm.Annotations = annotate(cm.Annotations, v1alpha1.WebhookAnnotation, strings.Join(slices.Sorted(maps.Keys(n.Webhooks)), ","))
	cm.Annotations = annotate(cm.Annotations, v1alpha1.IngressClassAnnotation, n.IngressClass)
	return cm
}

// annotate sets an annotation, or removes it where the value is "".
func annotate(annotations map[string]string, key, value string) map[string]string {
	annotations = maps.Clone(annotations)
	if value == "" {
		delete(annotations, key)
		return annotations
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	return annotations
}
