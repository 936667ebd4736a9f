// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// partOf is the v1alpha1.PartOfLabel of what concerns all Solutions.
const partOf = "metalk8s"

// SolutionsNamespace returns v1alpha1.Namespace. Bootstrap is the address of
// the bootstrap node's helper, "" where none is to be recorded.
func SolutionsNamespace(bootstrap string) *unstructured.Unstructured {
	ns := newNamespace(v1alpha1.Namespace)
	ns.SetLabels(commonLabels())
	if bootstrap != "" {
		ns.SetAnnotations(map[string]string{v1alpha1.BootstrapAnnotation: bootstrap})
	}
	return ns
}

// EnvironmentNamespace returns a namespace of an Environment. It carries no
// v1alpha1.ManagedByLabel: what else is in it is its users'.
func EnvironmentNamespace(environment, namespace, description string) *unstructured.Unstructured {
	ns := newNamespace(namespace)
	ns.SetLabels(map[string]string{v1alpha1.EnvironmentLabel: environment})
	ns.SetAnnotations(map[string]string{v1alpha1.EnvironmentDescriptionAnnotation: description})
	return ns
}

func newNamespace(name string) *unstructured.Unstructured {
	ns := &unstructured.Unstructured{Object: map[string]any{}}
	ns.SetAPIVersion("v1")
	ns.SetKind("Namespace")
	ns.SetName(name)
	return ns
}

// commonLabels are those of objects that concern all Solutions.
func commonLabels() map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.FieldManager,
		v1alpha1.PartOfLabel:    partOf,
	}
}

// PutNamespace returns the change that makes a namespace of an Environment. Live
// is nil where it does not exist: it is created then, and not taken over if
// someone else is faster.
func PutNamespace(wanted, live *unstructured.Unstructured) Change {
	c := Change{Action: Create, Object: RefOf(wanted), Stage: StageNamespace, Method: Put, Manifest: wanted, Live: live}
	if live == nil {
		return c
	}
	c.Action, c.Method = None, ""
	for _, f := range mapFields(wanted, live) {
		if f.To != nil {
			c.Fields = append(c.Fields, f)
		}
	}
	if len(c.Fields) > 0 {
		c.Action, c.Method = Update, Patch
	}
	return c
}
