// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	configAPIVersion = "solutions.metalk8s.scality.com/v1alpha1"
	configKind       = "OperatorConfig"
)

// operatorConfig is what the cluster's tooling tells an Operator: where the
// images of each imported version of its Solution are. It is decoded here by
// itself, not by the project's own types, as an Operator written elsewhere would.
type operatorConfig struct {
	APIVersion   string                  `yaml:"apiVersion"`
	Kind         string                  `yaml:"kind"`
	Repositories map[string][]repository `yaml:"repositories"` // by version, as it is written
}

// repository is one place that holds images of a version.
type repository struct {
	Endpoint string   `yaml:"endpoint"` // host[:port]/path, to be followed by "/" and an image
	Images   []string `yaml:"images"`   // name:tag
}

// loadConfig reads the OperatorConfig in the file.
func loadConfig(file string) (operatorConfig, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return operatorConfig{}, fmt.Errorf("reading the operator's configuration: %w", err)
	}
	cfg, err := decodeConfig(data)
	if err != nil {
		return operatorConfig{}, fmt.Errorf("reading %s: %w", file, err)
	}
	return cfg, nil
}

// decodeConfig accepts the documented format and nothing else: no other field,
// no field twice, no second document, no empty list.
func decodeConfig(data []byte) (operatorConfig, error) {
	var cfg operatorConfig
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&cfg); err != nil {
		if errors.Is(err, io.EOF) {
			return operatorConfig{}, errors.New("it is empty")
		}
		return operatorConfig{}, err
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return operatorConfig{}, errors.New("more than one YAML document")
	}
	if err := cfg.validate(); err != nil {
		return operatorConfig{}, err
	}
	return cfg, nil
}

func (c operatorConfig) validate() error {
	if c.APIVersion != configAPIVersion {
		return fmt.Errorf("apiVersion is %q, want %q", c.APIVersion, configAPIVersion)
	}
	if c.Kind != configKind {
		return fmt.Errorf("kind is %q, want %q", c.Kind, configKind)
	}
	if len(c.Repositories) == 0 {
		return errors.New("repositories is empty")
	}
	for _, version := range c.versions() {
		repos := c.Repositories[version]
		if version == "" {
			return errors.New("repositories has a version with no name")
		}
		if len(repos) == 0 {
			return fmt.Errorf("repositories[%s] is empty", version)
		}
		for i, r := range repos {
			if err := r.validate(); err != nil {
				return fmt.Errorf("repositories[%s][%d]: %w", version, i, err)
			}
		}
	}
	return nil
}

func (r repository) validate() error {
	if r.Endpoint == "" {
		return errors.New("endpoint is empty")
	}
	if len(r.Images) == 0 {
		return errors.New("images is empty")
	}
	for _, image := range r.Images {
		if name, tag, ok := strings.Cut(image, ":"); !ok || name == "" || tag == "" {
			return fmt.Errorf("image %q is no name:tag", image)
		}
	}
	return nil
}

// versions lists the versions that are imported, sorted as text.
func (c operatorConfig) versions() []string {
	return slices.Sorted(maps.Keys(c.Repositories))
}

// image returns the full reference of the named image in a version: the one
// whose tag is that version if there is one, since an archive may hold several
// tags of an image, else the first. It returns "" where there is none.
func (c operatorConfig) image(version, name string) string {
	found := ""
	for _, r := range c.Repositories[version] {
		for _, image := range r.Images {
			n, tag, _ := strings.Cut(image, ":")
			if n != name {
				continue
			}
			if tag == version {
				return r.Endpoint + "/" + image
			}
			if found == "" {
				found = r.Endpoint + "/" + image
			}
		}
	}
	return found
}
