// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/service"
)

// registry serves images, and can write nowhere.
func registry(o Options, f folders) corev1.Container {
	context := confined(o.User)
	if service.NeedsBind(o.Configuration, false) {
		context.Capabilities.Add = []corev1.Capability{"NET_BIND_SERVICE"}
	}
	return corev1.Container{
		Name:            RegistryContainer,
		Image:           o.Image,
		ImagePullPolicy: corev1.PullNever,
		Args:            []string{"serve"},
		Resources:       resources("50m", "32Mi", "256Mi"),
		SecurityContext: context,
		VolumeMounts:    f.mounts(true),
		// Archives are looked at before it answers.
		StartupProbe:   probe(o.Configuration.Registry, "/healthz", 2, 150),
		LivenessProbe:  probe(o.Configuration.Registry, "/healthz", 10, 6),
		ReadinessProbe: probe(o.Configuration.Registry, "/readyz", 5, 1),
	}
}

// agent is where the plugins run `solution-bootstrap agent`: until then it waits.
// It is root, whose files it changes, with none of root's capabilities.
func agent(o Options, f folders) corev1.Container {
	return corev1.Container{
		Name:            AgentContainer,
		Image:           o.Image,
		ImagePullPolicy: corev1.PullNever,
		Args:            []string{"wait"},
		Resources:       resources("10m", "16Mi", "256Mi"),
		SecurityContext: confined(0),
		VolumeMounts:    f.mounts(false),
	}
}

func confined(user int64) *corev1.SecurityContext {
	no, yes, nonRoot := false, true, user != 0
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		ReadOnlyRootFilesystem:   &yes,
		RunAsUser:                &user,
		RunAsGroup:               &user,
		RunAsNonRoot:             &nonRoot,
	}
}

// resources has no limit for the processor: digests take as much as there is.
func resources(cpu, memory, most string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(most)},
	}
}

// probe asks the first address that the registry listens on. Without a host
// there, it is that of the node.
func probe(c config.Registry, path string, period, failures int32) *corev1.Probe {
	host, port, _ := net.SplitHostPort(c.Listen[0])
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	number, _ := strconv.Atoi(port)
	scheme := corev1.URISchemeHTTP
	if c.Scheme() == "https" {
		scheme = corev1.URISchemeHTTPS
	}
	return &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: host, Path: path, Port: intstr.FromInt(number), Scheme: scheme}},
		PeriodSeconds:    period,
		TimeoutSeconds:   3,
		FailureThreshold: failures,
	}
}
