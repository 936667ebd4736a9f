// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// SolutionsConfiguration is the desired state of a bootstrap node: which
// archives are imported, and which version of a Solution is active.
type SolutionsConfiguration struct {
	// APIVersion is APIVersion or LegacyConfigurationAPIVersion.
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Archives are absolute paths of ISO files on the node.
	Archives []string `json:"archives"`
	// Active maps the name of a Solution to a version or LatestVersion.
	Active map[string]string `json:"active,omitempty"`
}

// DecodeSolutionsConfiguration reads a solutions.yaml. Its errors name the
// field that is wrong, and not the file.
func DecodeSolutionsConfiguration(data []byte) (*SolutionsConfiguration, error) {
	object, err := decodeObject(data, []string{"active.*", "archives.*"})
	if err != nil {
		return nil, err
	}
	if err := checkType(object, KindSolutionsConfiguration, APIVersion, LegacyConfigurationAPIVersion); err != nil {
		return nil, err
	}
	r := reader{object: object}
	c := &SolutionsConfiguration{
		APIVersion: r.text("apiVersion"),
		Kind:       r.text("kind"),
		Archives:   r.texts("archives"),
		Active:     r.textMap("active"),
	}
	if r.err != nil {
		return nil, r.err
	}
	for name, version := range c.Active {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("active: %q is no name of a Solution: %s", name, problems[0])
		}
		if version == "" {
			return nil, fmt.Errorf("active: %s has no version", name)
		}
	}
	return c, nil
}

// OperatorConfig is what an Operator reads with --config. Operators parse it
// strictly: it has no other field, and no empty list.
type OperatorConfig struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Repositories has an entry for every imported version of the Solution
	// that holds images.
	Repositories map[string][]OperatorRepository `json:"repositories"`
}

// OperatorRepository tells where images are served.
type OperatorRepository struct {
	// Endpoint is <registry endpoint>/<id>.
	Endpoint string `json:"endpoint"`
	// Images are name:tag, served as <Endpoint>/<name>:<tag>.
	Images []string `json:"images"`
}

// Encode returns c as YAML, and an error where it is one that operators refuse.
func (c OperatorConfig) Encode() ([]byte, error) {
	if len(c.Repositories) == 0 {
		return nil, errors.New("an OperatorConfig with no repositories is refused by operators")
	}
	for version, repositories := range c.Repositories {
		if len(repositories) == 0 {
			return nil, fmt.Errorf("the OperatorConfig has no repository for version %s", version)
		}
		for _, r := range repositories {
			if len(r.Images) == 0 {
				return nil, fmt.Errorf("the OperatorConfig has no images for repository %s", r.Endpoint)
			}
		}
	}
	return yaml.Marshal(c)
}
