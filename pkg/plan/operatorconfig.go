// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// OperatorConfig returns what the Operator of a Target reads: where the images
// of every imported version are, sorted. A version that holds no image is not
// in it. It is an error when the wanted version is not imported.
func OperatorConfig(t Target) (v1alpha1.OperatorConfig, error) {
	if err := t.validate(); err != nil {
		return v1alpha1.OperatorConfig{}, err
	}
	name := t.Content.Name
	if !slices.ContainsFunc(t.Versions, func(v Version) bool { return v.Version == t.Content.Version }) {
		return v1alpha1.OperatorConfig{}, fmt.Errorf("version %s of Solution %s is not imported", t.Content.Version, name)
	}
	return operatorConfig(name, t.Versions, t.Endpoint)
}

func operatorConfig(name string, versions []Version, endpoint string) (v1alpha1.OperatorConfig, error) {
	config := v1alpha1.OperatorConfig{
		APIVersion:   v1alpha1.APIVersion,
		Kind:         v1alpha1.KindOperatorConfig,
		Repositories: map[string][]v1alpha1.OperatorRepository{},
	}
	for _, v := range versions {
		if v.Version == "" || v.ID == "" {
			return config, fmt.Errorf("an imported version of Solution %s has no version or no id: %q, %q", name, v.Version, v.ID)
		}
		if _, found := config.Repositories[v.Version]; found {
			return config, fmt.Errorf("version %s of Solution %s is twice among those imported", v.Version, name)
		}
		repository, err := operatorRepository(endpoint, v)
		if err != nil {
			return config, fmt.Errorf("version %s of Solution %s: %w", v.Version, name, err)
		}
		if len(repository.Images) > 0 {
			config.Repositories[v.Version] = []v1alpha1.OperatorRepository{repository}
		}
	}
	if len(config.Repositories) == 0 {
		return config, fmt.Errorf("no imported version of Solution %s lists an image: its Operator would refuse the configuration", name)
	}
	return config, nil
}

func operatorRepository(endpoint string, v Version) (v1alpha1.OperatorRepository, error) {
	repository := v1alpha1.OperatorRepository{Endpoint: v1alpha1.Repository(endpoint, v.ID)}
	for _, text := range v.Images {
		image, err := v1alpha1.ParseImageName(text)
		if err != nil {
			return repository, err
		}
		repository.Images = append(repository.Images, image.String())
	}
	slices.Sort(repository.Images)
	repository.Images = slices.Compact(repository.Images)
	return repository, nil
}
