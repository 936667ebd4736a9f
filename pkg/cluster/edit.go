// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/apply"
)

// Remove forgets a Solution.
func (n *EnvironmentNamespace) Remove(solution string) {
	delete(n.Solutions, solution)
	delete(n.Webhooks, solution)
}

// Edited returns the namespace's ConfigMap as it is to be, with the
// resourceVersion that it was read in, and whether it differs from what was
// read.
func (n *EnvironmentNamespace) Edited() (*corev1.ConfigMap, bool) {
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
	return cm, n.ConfigMap == nil || !equality.Semantic.DeepEqual(cm, n.ConfigMap)
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

// Entry tells what happens to the namespace's ConfigMap when it is written.
func (n *EnvironmentNamespace) Entry(changed bool) apply.Entry {
	e := apply.Entry{Object: "configmap/" + v1alpha1.EnvironmentConfigMap, Namespace: n.Name(), Action: apply.Unchanged}
	switch {
	case n.ConfigMap == nil:
		e.Action = apply.Created
	case changed:
		e.Action = apply.Configured
	}
	return e
}
