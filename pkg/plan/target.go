// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Target says what is to run where: one version of a Solution, in one
// namespace of an Environment.
type Target struct {
	// Environment is a label value; Namespace is one of its namespaces.
	Environment, Namespace string
	// Content is that of the version wanted.
	Content *v1alpha1.Content
	// Versions are all imported versions of the Solution, the wanted one
	// included, in any order: its Operator is told of each.
	Versions []Version
	// Endpoint is the registry's host[:port][/path].
	Endpoint string
	// Webhook says that the Operator serves an admission webhook, and needs
	// its certificate.
	Webhook bool
	// IngressClass is that of the UI, v1alpha1.DefaultIngressClass when empty.
	IngressClass string
}

// Version is an imported version of a Solution.
type Version struct {
	Version string
	// ID is the name of its repository in the registry.
	ID string
	// Images are name:tag, in any order.
	Images []string
}

// Names of components: values of v1alpha1.ComponentLabel, and ends of the
// names of what belongs to them.
const (
	componentOperator = "operator"
	componentUI       = "ui"
)

// endpointPattern is the part of an image reference before the repository: a
// host (or an IPv6 address in brackets), a port, path components.
var endpointPattern = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$`)

// validate says why nothing can be made of t. It refuses before anything is
// applied what the API server would refuse half-way.
func (t *Target) validate() error {
	if t.Content == nil {
		return errors.New("no content of a Solution given")
	}
	c := t.Content
	if problems := validation.IsDNS1123Label(c.Name); len(problems) > 0 {
		return fmt.Errorf("invalid name %q of a Solution: %s", c.Name, problems[0])
	}
	if want := v1alpha1.ID(c.Name, c.Version); c.Version == "" || c.ID != want {
		return fmt.Errorf("id %q of Solution %s, version %q, must be %q", c.ID, c.Name, c.Version, want)
	}
	if problems := validation.IsDNS1123Label(t.Namespace); len(problems) > 0 {
		return fmt.Errorf("invalid namespace %q: %s", t.Namespace, problems[0])
	}
	if problems := validation.IsValidLabelValue(t.Environment); t.Environment == "" || len(problems) > 0 {
		return fmt.Errorf("invalid environment %q: must be a label value: %s", t.Environment, strings.Join(problems, "; "))
	}
	if problems := validation.IsDNS1123Subdomain(t.ingressClass()); len(problems) > 0 {
		return fmt.Errorf("invalid ingress class %q: %s", t.IngressClass, problems[0])
	}
	return validateEndpoint(t.Endpoint)
}

func validateEndpoint(endpoint string) error {
	if !endpointPattern.MatchString(endpoint) {
		return fmt.Errorf("invalid registry endpoint %q: must be host[:port][/path]", endpoint)
	}
	return nil
}

// scope is the part of a plan that deploys the Target.
func (t *Target) scope() Scope { return Scope{Solution: t.Content.Name, Namespace: t.Namespace} }

func (t *Target) ingressClass() string {
	if t.IngressClass == "" {
		return v1alpha1.DefaultIngressClass
	}
	return t.IngressClass
}

// image returns the reference of one of the version's images. The digest of
// the archive is part of it where it is known (an image that the manifest does
// not list has none there): a node then runs those bytes and no others,
// whoever answers for the registry, and a tag that moves changes the pods.
func (t *Target) image(name v1alpha1.ImageName) (string, error) {
	if err := name.Validate(); err != nil {
		return "", fmt.Errorf("solution %s: %w", t.Content.ID, err)
	}
	reference := v1alpha1.Repository(t.Endpoint, t.Content.ID) + "/" + name.String()
	image, found := t.Content.Image(name)
	if !found {
		return reference, nil
	}
	if !digestPattern.MatchString(image.Digest) {
		return "", fmt.Errorf("solution %s: image %s: digest %q is not sha256 and 64 hex digits", t.Content.ID, name, image.Digest)
	}
	return reference + "@" + image.Digest, nil
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
