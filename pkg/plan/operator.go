// SPDX-License-Identifier: Apache-2.0

package plan

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Where an Operator finds what is mounted for it.
const (
	operatorConfigKey = "operator.yaml"
	operatorConfigDir = "/etc/config"
	webhookCertDir    = "/cert"
)

// operator returns the objects of the Operator.
func (n *naming) operator(t Target) ([]runtime.Object, []string, error) {
	c, err := t.component(componentOperator)
	if err != nil {
		return nil, nil, err
	}
	objects, notes, err := n.roles(c, t.Content.Roles)
	if err != nil {
		return nil, nil, err
	}
	data, err := operatorConfigData(t)
	if err != nil {
		return nil, nil, err
	}
	image, err := t.image(*t.Content.Operator)
	if err != nil {
		return nil, nil, err
	}
	config := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.named(operatorConfigName(c.solution)),
		Data:       data,
	}
	config.Annotations = digestAnnotation(data)
	return append(objects,
		&corev1.ServiceAccount{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
			ObjectMeta: c.meta(),
		},
		config,
		deployment(c, data, operatorPod(c, image, t.Webhook)),
	), notes, nil
}

// operatorName returns the name of an Operator's Deployment and ServiceAccount.
func operatorName(solution string) string { return solution + "-" + componentOperator }

// operatorConfigName returns the name of the ConfigMap that an Operator reads.
func operatorConfigName(solution string) string { return operatorName(solution) + "-config" }

// operatorConfigData returns the data of that ConfigMap.
func operatorConfigData(t Target) (map[string]string, error) {
	config, err := OperatorConfig(t)
	if err != nil {
		return nil, err
	}
	encoded, err := config.Encode()
	if err != nil {
		return nil, err
	}
	return map[string]string{operatorConfigKey: string(encoded)}, nil
}

// deployment returns one of one replica whose pods read config.
func deployment(c component, config map[string]string, pod corev1.PodSpec) *appsv1.Deployment {
	replicas := int32(1)
	meta := c.meta()
	// Here too, so that what is up to date can be told without reading it all.
	meta.Annotations = digestAnnotation(config)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: c.selector()},
			Template: corev1.PodTemplateSpec{ObjectMeta: c.podMeta(config), Spec: pod},
		},
	}
}

func operatorPod(c component, image string, webhook bool) corev1.PodSpec {
	volumes := []corev1.Volume{configVolume("config", c.name()+"-config")}
	mounts := []corev1.VolumeMount{{Name: "config", MountPath: operatorConfigDir, ReadOnly: true}}
	if webhook {
		// The secret is the Solution's, not the Operator's: <solution>-cert.
		volumes = append(volumes, corev1.Volume{Name: "cert", VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: c.solution + "-cert"},
		}})
		mounts = append(mounts, corev1.VolumeMount{Name: "cert", MountPath: webhookCertDir, ReadOnly: true})
	}
	return corev1.PodSpec{
		ServiceAccountName: c.name(),
		Containers: []corev1.Container{{
			Name:            c.name(),
			Image:           image,
			ImagePullPolicy: corev1.PullIfNotPresent,
			Command:         []string{c.name(), "--config=" + operatorConfigDir + "/" + operatorConfigKey},
			Env: []corev1.EnvVar{
				fieldEnv("WATCH_NAMESPACE", "metadata.namespace"),
				fieldEnv("POD_NAME", "metadata.name"),
				{Name: "OPERATOR_NAME", Value: c.name()},
			},
			VolumeMounts: mounts,
		}},
		Volumes: volumes,
	}
}

// fieldEnv takes a variable from the downward API.
func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		// The API server would fill the version in.
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}
