// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// component is the Operator or the UI of a version, in one namespace.
type component struct{ kind, solution, version, namespace string }

// component returns the one of that kind, and an error where its name, which
// is also a label value and the name of a container, is too long.
func (t *Target) component(kind string) (component, error) {
	c := component{kind: kind, solution: t.Content.Name, version: t.Content.Version, namespace: t.Namespace}
	if n := len(c.name()); n > validation.LabelValueMaxLength {
		return c, fmt.Errorf("%s is %d characters long, and a label has at most %d: the name of Solution %s is too long",
			c.name(), n, validation.LabelValueMaxLength, c.solution)
	}
	return c, nil
}

// name returns <solution>-operator or <solution>-ui.
func (c component) name() string { return c.solution + "-" + c.kind }

// selector returns what selects the pods. A Deployment's is immutable: it is
// the one that clusters in the field have.
func (c component) selector() map[string]string {
	return map[string]string{v1alpha1.AppLabel: c.name()}
}

// podLabels returns the labels of pods.
func (c component) podLabels() map[string]string {
	return map[string]string{
		v1alpha1.AppLabel:       c.name(),
		v1alpha1.NameLabel:      c.name(),
		v1alpha1.InstanceLabel:  c.name(),
		v1alpha1.VersionLabel:   v1alpha1.VersionLabelValue(c.version),
		v1alpha1.ComponentLabel: c.kind,
		v1alpha1.PartOfLabel:    c.solution,
	}
}

// labels returns the labels of objects.
func (c component) labels() map[string]string {
	labels := c.podLabels()
	labels[v1alpha1.ManagedByLabel] = v1alpha1.FieldManager
	return labels
}

// meta returns the metadata of an object with the component's own name.
func (c component) meta() metav1.ObjectMeta { return c.named(c.name()) }

// named returns the metadata of an object with that name.
func (c component) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: c.namespace, Labels: c.labels()}
}

// podMeta returns the metadata of pods that read config.
func (c component) podMeta(config map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Labels: c.podLabels(), Annotations: digestAnnotation(config)}
}

func digestAnnotation(config map[string]string) map[string]string {
	return map[string]string{v1alpha1.ConfigDigestAnnotation: configDigest(config)}
}

// configDigest returns 16 hex digits that differ where config does.
func configDigest(config map[string]string) string {
	h := sha256.New()
	for _, key := range sortedKeys(config) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(key), key, len(config[key]), config[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func configVolume(name, configMap string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: configMap}},
	}}
}
