// SPDX-License-Identifier: Apache-2.0

package plan

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Labels and taints of nodes that a UI runs on.
const (
	infraNode     = "node-role.kubernetes.io/infra"
	bootstrapNode = "node-role.kubernetes.io/bootstrap"
)

const (
	uiPortName = "http"
	uiPort     = 80
)

// ui returns the objects of the UI.
func ui(t Target) ([]runtime.Object, error) {
	c, err := t.component(componentUI)
	if err != nil {
		return nil, err
	}
	image, err := t.image(*t.Content.UI)
	if err != nil {
		return nil, err
	}
	config := map[string]string{
		// The API server as the page reaches it: behind the same Ingress.
		"config.json": `{"url": "/api/kubernetes"}`,
		// An object of colours to replace; none, so the UI looks as built.
		"theme.json": `{"brand": {}}`,
	}
	return []runtime.Object{
		&corev1.ConfigMap{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: c.meta(),
			Data:       config,
		},
		deployment(c, config, uiPod(c, image)),
		uiService(c),
		uiIngress(c, t.Environment, t.ingressClass()),
	}, nil
}

func uiPod(c component, image string) corev1.PodSpec {
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString(uiPortName)},
	}}
	return corev1.PodSpec{
		Affinity: &corev1.Affinity{NodeAffinity: infraAffinity()},
		Tolerations: []corev1.Toleration{
			{Key: bootstrapNode, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
			{Key: infraNode, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
		},
		Containers: []corev1.Container{{
			Name:            c.name(),
			Image:           image,
			ImagePullPolicy: corev1.PullIfNotPresent,
			Ports:           []corev1.ContainerPort{{Name: uiPortName, ContainerPort: uiPort, Protocol: corev1.ProtocolTCP}},
			LivenessProbe:   probe,
			ReadinessProbe:  probe,
			VolumeMounts:    []corev1.VolumeMount{{Name: "config", MountPath: "/etc/" + c.solution + "/ui", ReadOnly: true}},
		}},
		Volumes: []corev1.Volume{configVolume("config", c.name())},
	}
}

// infraAffinity puts pods on infra nodes where there are any. It is a
// preference, not a requirement: on a cluster without such nodes the pods have
// to run all the same, and to choose between the two here would take the right
// to list nodes, which who prepares an Environment need not have.
func infraAffinity() *corev1.NodeAffinity {
	return &corev1.NodeAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
			Weight: 100,
			Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: infraNode, Operator: corev1.NodeSelectorOpExists},
			}},
		}},
	}
}

func uiService(c component) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: c.meta(),
		Spec: corev1.ServiceSpec{
			Selector: c.selector(),
			Ports: []corev1.ServicePort{{
				Name: uiPortName, Port: uiPort, TargetPort: intstr.FromString(uiPortName), Protocol: corev1.ProtocolTCP,
			}},
		},
	}
}

func uiIngress(c component, environment, class string) *networkingv1.Ingress {
	meta := c.meta()
	meta.Annotations = map[string]string{
		"nginx.ingress.kubernetes.io/rewrite-target": "/$2",
		"nginx.ingress.kubernetes.io/use-regex":      "true",
	}
	// The path is a regular expression, so only the controller can read it.
	pathType := networkingv1.PathTypeImplementationSpecific
	return &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: meta,
		Spec: networkingv1.IngressSpec{
			IngressClassName: &class,
			Rules: []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{
				HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
					Path:     "/env/" + environment + "/" + c.solution + "(/|$)(.*)",
					PathType: &pathType,
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: c.name(), Port: networkingv1.ServiceBackendPort{Name: uiPortName},
					}},
				}}},
			}}},
		},
	}
}
