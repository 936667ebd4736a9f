// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// ContentKey is the data key, in the record of an imported version, of its
// v1alpha1.Content as JSON.
const ContentKey = "content.json"

// ContentConfigMap returns the record of an imported version, in
// v1alpha1.Namespace. It is immutable: an archive of another content has
// another version. It is a *TooLargeError when c does not fit into a ConfigMap.
func ContentConfigMap(c *v1alpha1.Content) (*unstructured.Unstructured, error) {
	if err := validateContent(c); err != nil {
		return nil, err
	}
	text, err := compactJSON(c)
	if err != nil {
		return nil, fmt.Errorf("recording the content of %s: %w", c.ID, err)
	}
	if size := len(ContentKey) + len(text); size > MaxConfigMapBytes {
		return nil, &TooLargeError{
			what:   "recording the content of " + c.ID + " in a ConfigMap",
			size:   size,
			advice: "make the archive again, with a smaller manifest or fewer roles",
		}
	}
	cm := configMap(v1alpha1.ContentConfigMapName(c.ID), map[string]string{ContentKey: text})
	labels := commonLabels()
	labels[v1alpha1.SolutionLabel] = c.Name
	cm.SetLabels(labels)
	cm.SetAnnotations(map[string]string{v1alpha1.IDAnnotation: c.ID})
	cm.Object["immutable"] = true
	return cm, nil
}

// ContentReference returns what is needed to delete a record by its name.
func ContentReference(name string) *unstructured.Unstructured { return configMap(name, nil) }

// DecodeContent reads a record that ContentConfigMap returned; fields that it
// does not know are ignored. Its errors name the ConfigMap.
func DecodeContent(cm *corev1.ConfigMap) (*v1alpha1.Content, error) {
	c := &v1alpha1.Content{}
	text, found := cm.Data[ContentKey]
	if !found {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: no key %s", cm.Namespace, cm.Name, ContentKey)
	}
	err := utiljson.Unmarshal([]byte(text), c)
	if err == nil {
		err = validateContent(c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading key %s of ConfigMap %s/%s: %w", ContentKey, cm.Namespace, cm.Name, err)
	}
	return c, nil
}

func validateContent(c *v1alpha1.Content) error {
	if c == nil || c.Name == "" || c.Version == "" {
		return errors.New("a content without the name or version of a Solution")
	}
	if want := v1alpha1.ID(c.Name, c.Version); c.ID != want {
		return fmt.Errorf("id %q of Solution %s, version %s, must be %q", c.ID, c.Name, c.Version, want)
	}
	return nil
}
