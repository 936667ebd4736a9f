// SPDX-License-Identifier: Apache-2.0

// Package pod is solution-bootstrap as a pod on the bootstrap node, as values:
// the manifests of a DaemonSet or of a static pod. It has no effects.
package pod

import (
	"errors"
	"fmt"
	"net"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/pkg/service"
)

// Name is that of the DaemonSet and the static pod, and the value of the label
// v1alpha1.AppLabel, by which the pod is found: pod://app=solution-bootstrap.
const Name = "solution-bootstrap"

// Address is where the plugins find the helper in such a pod.
const Address = "pod://" + v1alpha1.AppLabel + "=" + Name

// Names of the containers.
const (
	RegistryContainer = "registry"
	AgentContainer    = "agent"
)

// DefaultUser is a user that owns nothing, and is nobody.
const DefaultUser = 65532

// priorityClass is for pods that belong to their node. Every cluster has it.
const priorityClass = "system-node-critical"

// terminationSeconds leaves pulls under way the 30 seconds that serve gives them.
const terminationSeconds = 45

// Options say what the pod is.
type Options struct {
	// Node is the name of the bootstrap node, which a static pod does not need.
	Node string
	// Image is the name of the image, which the node has already.
	Image string
	// Configuration is that of the helper on the node, with its defaults.
	Configuration config.Configuration
	// Archives are folders of the node with archives, besides those that the
	// configuration names.
	Archives []string
	// User is whom the registry runs as: the number of one who may read the
	// archives, the configuration, and the key of its certificate.
	User int64
}

// check refuses what no pod can be made of.
func (o Options) check() error {
	if o.User < 0 {
		return fmt.Errorf("--user: %d is no user", o.User)
	}
	if mode := o.Configuration.Mount; mode != mount.None {
		return hint.With(fmt.Errorf("mount: %s takes the right to mount, which no container of the pod has", mode),
			"leave mount at %s in the helper's configuration; the registry needs no mount", mount.None)
	}
	for _, address := range o.Configuration.Registry.Listen {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "0" {
			return hint.With(fmt.Errorf("registry.listen: whether %q answers cannot be asked", address), "name a port in the helper's configuration")
		}
	}
	if service.NeedsBind(o.Configuration, false) && o.User != 0 {
		return hint.With(errors.New("registry.listen or metrics.listen has a port below 1024, and only root may listen there"),
			"run the registry as root: --user 0")
	}
	return nil
}

// DaemonSet returns the namespace, and a DaemonSet that runs on one node.
func DaemonSet(o Options) ([]any, error) {
	if errs := validation.IsDNS1123Subdomain(o.Node); len(errs) > 0 {
		return nil, hint.With(fmt.Errorf("%q is no name of a node: %s", o.Node, strings.Join(errs, "; ")), "see which there are: kubectl get nodes")
	}
	spec, err := podSpec(o)
	if err != nil {
		return nil, err
	}
	spec.Affinity = &corev1.Affinity{NodeAffinity: onNode(o.Node)}
	set := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: meta(),
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.AppLabel: Name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels(), Annotations: annotations()},
				Spec:       spec,
			},
		},
	}
	return []any{namespace(), set}, nil
}

// Static returns a static pod, for the kubelet's folder of manifests, and
// nothing else: a kubelet does not make namespaces.
func Static(o Options) ([]any, error) {
	spec, err := podSpec(o)
	if err != nil {
		return nil, err
	}
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: meta(), Spec: spec}
	pod.Annotations = annotations()
	return []any{pod}, nil
}

// onNode is by the node's name, and not by a label that is usually the same.
func onNode(name string) *corev1.NodeAffinity {
	term := corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{name}},
	}}
	return &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}}
}

func podSpec(o Options) (corev1.PodSpec, error) {
	if err := o.check(); err != nil {
		return corev1.PodSpec{}, err
	}
	folders, err := foldersOf(o)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	no, grace := false, int64(terminationSeconds)
	return corev1.PodSpec{
		// Nodes pull from the node's own addresses, as from a service of systemd,
		// and before there is a network of pods.
		HostNetwork: true,
		DNSPolicy:   corev1.DNSDefault,
		// Neither container asks the API server for anything.
		AutomountServiceAccountToken:  &no,
		EnableServiceLinks:            &no,
		PriorityClassName:             priorityClass,
		Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		TerminationGracePeriodSeconds: &grace,
		SecurityContext:               &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers:                    []corev1.Container{registry(o, folders), agent(o, folders)},
		Volumes:                       folders.volumes(),
	}, nil
}

// namespace says what it has to allow: the node's network and folders.
func namespace() any {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Namespace, Labels: map[string]string{
			v1alpha1.ManagedByLabel:              v1alpha1.FieldManager,
			v1alpha1.PartOfLabel:                 partOf,
			"pod-security.kubernetes.io/enforce": "privileged",
		}},
	}
}

// partOf is the v1alpha1.PartOfLabel of what concerns all Solutions.
const partOf = "metalk8s"

func meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: Name, Namespace: v1alpha1.Namespace, Labels: labels()}
}

func labels() map[string]string {
	return map[string]string{v1alpha1.AppLabel: Name, v1alpha1.NameLabel: Name, v1alpha1.PartOfLabel: partOf}
}

// annotations have `kubectl exec`, and so the plugins, take the agent's
// container.
func annotations() map[string]string {
	return map[string]string{"kubectl.kubernetes.io/default-container": AgentContainer}
}
