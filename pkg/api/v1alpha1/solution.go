// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// MaxManifestBytes bounds the size of a manifest: it is recorded, with those
// of all other versions, in one ConfigMap of at most 1 MiB.
const MaxManifestBytes = 512 << 10

// Solution is an archive's manifest.yaml.
type Solution struct {
	// Name is metadata.name, a DNS label (RFC 1123).
	Name string
	// Version is spec.version as it is written, also where YAML would read a
	// number (1.10).
	Version string
	// DisplayName is the annotation of that name, in metadata or at the top
	// level, and Name where there is none.
	DisplayName string
	// Images is spec.images, nil when it is not given.
	Images []ImageName
	// Operator is spec.operator.image as far as it is given; so may be its
	// Name or Tag alone.
	Operator ImageName
	// UI is spec.ui.image as far as it is given.
	UI ImageName
	// UIDeploy is spec.ui.deploy, true by default: false says that the
	// Solution's Operator deploys its UI.
	UIDeploy bool
	// CustomAPIGroups is spec.customApiGroups.
	CustomAPIGroups []string
	// Object is the whole document as JSON data, unknown fields included.
	Object map[string]any
}

// ID returns `<name>-<version>`.
func (s *Solution) ID() string { return ID(s.Name, s.Version) }

// ErrNoYAML says that a document is not a YAML mapping.
var ErrNoYAML = errors.New("not a YAML mapping")

// versionPattern keeps a version usable as a part of a path and of a URL.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)

// DecodeSolution reads a manifest.yaml. Its errors name the field that is
// wrong, and not the file.
func DecodeSolution(data []byte) (*Solution, error) {
	if len(data) > MaxManifestBytes {
		return nil, fmt.Errorf("%d bytes long, and a manifest has at most %d", len(data), MaxManifestBytes)
	}
	object, err := decodeObject(data, manifestStrings)
	if err != nil {
		return nil, err
	}
	if err := checkType(object, KindSolution, APIVersion); err != nil {
		return nil, err
	}
	s := &Solution{Object: object}
	r := reader{object: object}
	s.Name = r.text("metadata", "name")
	s.Version = r.text("spec", "version")
	s.Operator = ImageName{Name: r.text("spec", "operator", "image", "name"), Tag: r.text("spec", "operator", "image", "tag")}
	s.UI = ImageName{Name: r.text("spec", "ui", "image", "name"), Tag: r.text("spec", "ui", "image", "tag")}
	s.UIDeploy = r.boolean(true, "spec", "ui", "deploy")
	s.CustomAPIGroups = r.texts("spec", "customApiGroups")
	images := r.texts("spec", "images")
	s.DisplayName = displayName(&r, s.Name)
	if r.err != nil {
		return nil, r.err
	}
	for _, text := range images {
		image, err := ParseImageName(text)
		if err != nil {
			return nil, fmt.Errorf("spec.images: %w", err)
		}
		s.Images = append(s.Images, image)
	}
	return s, s.validate()
}

func (s *Solution) validate() error {
	switch {
	case s.Name == "":
		return errors.New("metadata.name is missing")
	case s.Version == "":
		return errors.New("spec.version is missing")
	}
	if problems := validation.IsDNS1123Label(s.Name); len(problems) > 0 {
		return fmt.Errorf("metadata.name %q is no DNS label (RFC 1123): %s", s.Name, problems[0])
	}
	if !versionPattern.MatchString(s.Version) || len(s.Version) > 128 || s.Version == LatestVersion {
		return fmt.Errorf("spec.version %q is no version: it starts with a letter or digit, holds only letters, digits and any of . _ + ~ -, is at most 128 long and not %q", s.Version, LatestVersion)
	}
	if err := s.Operator.validatePart(); err != nil {
		return fmt.Errorf("spec.operator.image: %w", err)
	}
	if err := s.UI.validatePart(); err != nil {
		return fmt.Errorf("spec.ui.image: %w", err)
	}
	return nil
}

// displayName looks in metadata first: some producers put annotations at the
// top level.
func displayName(r *reader, name string) string {
	for _, path := range [][]string{{"metadata", "annotations"}, {"annotations"}} {
		if v := r.text(append(slices.Clone(path), DisplayNameAnnotation)...); v != "" {
			return v
		}
	}
	return name
}

// manifestStrings are the places whose written form counts: a version 1.10 is
// not the number 1.1. A "*" stands for every key or item.
var manifestStrings = []string{
	"metadata.name", "metadata.labels.*", "metadata.annotations.*", "annotations.*",
	"spec.version", "spec.images.*", "spec.customApiGroups.*",
	"spec.operator.image.name", "spec.operator.image.tag", "spec.ui.image.name", "spec.ui.image.tag",
}
