// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Group, versions and kinds of the formats.
const (
	Group      = "solutions.metalk8s.scality.com"
	APIVersion = Group + "/v1alpha1"
	// LegacyConfigurationAPIVersion is the other apiVersion in which a
	// SolutionsConfiguration is accepted.
	LegacyConfigurationAPIVersion = "metalk8s.scality.com/v1alpha1"

	KindSolution               = "Solution"
	KindSolutionsConfiguration = "SolutionsConfiguration"
	KindOperatorConfig         = "OperatorConfig"
)

// Names in the cluster.
const (
	// Namespace holds what concerns all Solutions of a cluster.
	Namespace = "metalk8s-solutions"
	// SolutionsConfigMap, in Namespace, lists the imported versions: one key
	// per Solution, whose value is a JSON list of SolutionRecord.
	SolutionsConfigMap = "metalk8s-solutions"
	// EnvironmentConfigMap, in each namespace of an Environment, maps the
	// Solutions wanted there to their versions.
	EnvironmentConfigMap = "metalk8s-environment"
	// FieldManager owns, in server-side apply, what this project writes.
	FieldManager = "kubectl-solution"
)

// Labels and annotations of this group.
const (
	EnvironmentLabel                 = Group + "/environment"
	EnvironmentDescriptionAnnotation = Group + "/environment-description"
	DisplayNameAnnotation            = Group + "/display-name"

	// SolutionLabel marks the content record of an imported version with the
	// name of its Solution.
	SolutionLabel = Group + "/solution"
	// IDAnnotation carries, on a content record, the id of its version.
	IDAnnotation = Group + "/id"
	// RegistryEndpointAnnotation carries, on the SolutionsConfigMap, the
	// host[:port][/path] under which the images of imported archives are
	// served.
	RegistryEndpointAnnotation = Group + "/registry-endpoint"
	// BootstrapAnnotation carries, on Namespace, the address of the bootstrap
	// node's helper, for those who do not give --bootstrap.
	BootstrapAnnotation = Group + "/bootstrap"
	// WebhookAnnotation lists, on an EnvironmentConfigMap and separated by
	// commas, the Solutions whose Operator serves an admission webhook.
	WebhookAnnotation = Group + "/webhook"
	// IngressClassAnnotation names, on an EnvironmentConfigMap, the class of
	// the Ingresses there, where it is not DefaultIngressClass.
	IngressClassAnnotation = Group + "/ingress-class"
	// ConfigDigestAnnotation carries, on the pods of an Operator or UI, the
	// digest of its configuration, so that a new one restarts them.
	ConfigDigestAnnotation = Group + "/config-digest"
	// DefinitionDigestAnnotation carries, on a CustomResourceDefinition, the
	// digest of the archive's document.
	DefinitionDigestAnnotation = Group + "/definition-digest"
)

// Labels that Kubernetes recommends, as set on every deployed object.
const (
	AppLabel       = "app"
	NameLabel      = "app.kubernetes.io/name"
	InstanceLabel  = "app.kubernetes.io/instance"
	VersionLabel   = "app.kubernetes.io/version"
	ComponentLabel = "app.kubernetes.io/component"
	PartOfLabel    = "app.kubernetes.io/part-of"
	ManagedByLabel = "app.kubernetes.io/managed-by"
)

// Defaults of deployments and configuration.
const (
	DefaultIngressClass     = "nginx-control-plane"
	DefaultRegistryEndpoint = "metalk8s-registry-from-config.invalid"
	// LatestVersion, as an active version, stands for the highest imported one.
	LatestVersion = "latest"
)

// IsKubernetesRole reports whether a Role or ClusterRole of that name is
// Kubernetes' own: no archive may bring one, and no command changes one.
func IsKubernetesRole(name string) bool {
	switch name {
	case "cluster-admin", "admin", "edit", "view":
		return true
	}
	return strings.HasPrefix(name, "system:")
}

// ID returns the id of a Solution's version: the name of its repository in the
// registry and of its mount directory.
func ID(name, version string) string { return name + "-" + version }

// ReservedRoleName returns an error if a Solution must not bring a Role or
// ClusterRole of this name: Kubernetes has such a ClusterRole, or this project
// or another Solution does.
func ReservedRoleName(solution, name string) error {
	first, rest, _ := strings.Cut(name, ":")
	switch {
	case slices.Contains([]string{"cluster-admin", "admin", "edit", "view"}, name):
		return errors.New("the name is reserved: Kubernetes has a ClusterRole of that name")
	case strings.HasPrefix(name, "system:"):
		return errors.New(`the name is reserved: names that start with "system:" belong to Kubernetes`)
	case strings.HasPrefix(name, "solutions:"):
		return errors.New(`the name is reserved: names that start with "solutions:" belong to kubectl solution`)
	case strings.Contains(rest, ":") && first != solution:
		return fmt.Errorf("the name is reserved: <Solution>:<version>:<role> is the form of ClusterRoles of other Solutions, here of %q", first)
	}
	return nil
}

// VersionLabelValue returns version as a label value, which may hold no "+"
// and no more than 63 characters.
func VersionLabelValue(version string) string {
	v := strings.Map(func(r rune) rune {
		if r == '+' || r == '~' {
			return '_'
		}
		return r
	}, version)
	if len(v) > 63 {
		v = v[:63]
	}
	return strings.TrimRight(v, "._-")
}

// ContentConfigMapName returns the name of the ConfigMap, in Namespace, that
// records the content of the version with this id. An id that is no object
// name (upper case, "+") is mapped to one that is, made unique by a hash.
func ContentConfigMapName(id string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, id)
	name := "solution-" + safe
	if safe == id && len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(id))
	safe = strings.NewReplacer(".", "-").Replace(safe)
	if len(safe) > 200 {
		safe = safe[:200]
	}
	return "solution-" + safe + "-x" + hex.EncodeToString(sum[:4])
}
