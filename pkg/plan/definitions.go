// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// DefinitionAPIVersion is the only one in which Kubernetes 1.22 and later take
// CustomResourceDefinitions.
const DefinitionAPIVersion = "apiextensions.k8s.io/v1"

// Definitions returns the CustomResourceDefinitions among documents, as they
// are deployed for a version of a Solution.
func Definitions(c *v1alpha1.Content, documents []map[string]any) ([]*unstructured.Unstructured, error) {
	var definitions []*unstructured.Unstructured
	for _, document := range documents {
		u := (&unstructured.Unstructured{Object: document}).DeepCopy()
		if u.GetKind() != "CustomResourceDefinition" {
			continue
		}
		if u.GetAPIVersion() != DefinitionAPIVersion {
			return nil, fmt.Errorf("CustomResourceDefinition %s of %s is %s: Kubernetes 1.22 and later need %s", u.GetName(), c.ID, u.GetAPIVersion(), DefinitionAPIVersion)
		}
		unstructured.RemoveNestedField(u.Object, "status")
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
		labels := u.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[v1alpha1.ManagedByLabel] = v1alpha1.FieldManager
		labels[v1alpha1.PartOfLabel] = c.Name
		labels[v1alpha1.VersionLabel] = v1alpha1.VersionLabelValue(c.Version)
		u.SetLabels(labels)
		definitions = append(definitions, u)
	}
	return definitions, nil
}

// CheckDefinition says why desired must not replace live: because live belongs
// to another Solution, or because objects are stored in a version that desired
// does not have any more, so that they could not be read.
func CheckDefinition(live, desired *unstructured.Unstructured) error {
	owner, wanted := live.GetLabels()[v1alpha1.PartOfLabel], desired.GetLabels()[v1alpha1.PartOfLabel]
	if live.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.FieldManager && owner != wanted {
		return fmt.Errorf("CustomResourceDefinition %s belongs to Solution %s, and cannot be that of %s too", live.GetName(), owner, wanted)
	}
	stored, _, err := unstructured.NestedStringSlice(live.Object, "status", "storedVersions")
	if err != nil {
		return fmt.Errorf("CustomResourceDefinition %s: %w", live.GetName(), err)
	}
	names := definitionVersions(desired)
	var lost []string
	for _, version := range stored {
		if !slices.Contains(names, version) {
			lost = append(lost, version)
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("CustomResourceDefinition %s: objects are stored in version %s, and the new definition has only %s: they could not be read any more",
			live.GetName(), strings.Join(lost, ", "), strings.Join(names, ", "))
	}
	return nil
}

func definitionVersions(definition *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	var names []string
	for _, item := range list {
		if version, ok := item.(map[string]any); ok {
			if name, ok := version["name"].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// ObsoleteDefinitions returns those of live, CustomResourceDefinitions that
// were deployed for Solutions, that desired does not hold. Those of the
// Solutions in keep stay: which version of theirs is active is not known.
func ObsoleteDefinitions(live, desired []*unstructured.Unstructured, keep []string) []*unstructured.Unstructured {
	wanted := map[string]bool{}
	for _, u := range desired {
		wanted[u.GetName()] = true
	}
	var obsolete []*unstructured.Unstructured
	for _, u := range live {
		if !wanted[u.GetName()] && !slices.Contains(keep, u.GetLabels()[v1alpha1.PartOfLabel]) {
			obsolete = append(obsolete, u)
		}
	}
	return obsolete
}
