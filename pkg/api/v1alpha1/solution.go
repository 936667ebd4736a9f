// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	yaml3 "gopkg.in/yaml.v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
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

// decodeObject decodes one YAML document to JSON data; scalars at the given
// places become the strings they are written as.
func decodeObject(data []byte, stringPlaces []string) (map[string]any, error) {
	dec := yaml3.NewDecoder(bytes.NewReader(data))
	var doc yaml3.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: the file is empty", ErrNoYAML)
		}
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	if err := dec.Decode(new(yaml3.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml3.MappingNode {
		return nil, ErrNoYAML
	}
	// Decoding finds duplicate keys, and aliases that expand without end.
	var whole any
	if err := doc.Decode(&whole); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	if budget := maxExpandedBytes; !expands(&doc, &budget) {
		return nil, fmt.Errorf("%w: with its aliases it is longer than %d bytes", ErrNoYAML, maxExpandedBytes)
	}
	keepStrings(doc.Content[0], map[*yaml3.Node]bool{})
	for _, place := range stringPlaces {
		keepWritten(doc.Content[0], strings.Split(place, "."))
	}
	var object map[string]any
	if err := doc.Decode(&object); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	// By way of JSON, numbers have the types that apimachinery expects.
	written, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoYAML, err)
	}
	return object, utiljson.Unmarshal(written, &object)
}

// maxExpandedBytes bounds a document with its aliases written out: a short one
// can repeat a long text without end.
const maxExpandedBytes = 4 << 20

// expands says whether n, with its aliases written out, is within the budget.
func expands(n *yaml3.Node, budget *int) bool {
	if *budget -= len(n.Value) + 1; *budget < 0 {
		return false
	}
	if n.Kind == yaml3.AliasNode {
		return expands(n.Alias, budget)
	}
	for _, child := range n.Content {
		if !expands(child, budget) {
			return false
		}
	}
	return true
}

// keepStrings makes every key a string, and every date: JSON knows neither
// other keys nor dates.
func keepStrings(n *yaml3.Node, seen map[*yaml3.Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	switch {
	case n.Kind == yaml3.AliasNode:
		keepStrings(n.Alias, seen)
	case n.Kind == yaml3.ScalarNode && n.ShortTag() == "!!timestamp":
		n.Tag = "!!str"
	case n.Kind == yaml3.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind == yaml3.ScalarNode && key.ShortTag() != "!!merge" {
				key.Tag = "!!str"
			}
		}
	}
	for _, child := range n.Content {
		keepStrings(child, seen)
	}
}

// keepWritten makes the scalars at path strings.
func keepWritten(n *yaml3.Node, path []string) {
	for n.Kind == yaml3.AliasNode {
		n = n.Alias
	}
	if len(path) == 0 {
		if n.Kind == yaml3.ScalarNode && n.Tag != "!!null" {
			n.Tag = "!!str"
		}
		return
	}
	switch n.Kind {
	case yaml3.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch key := n.Content[i]; {
			case key.ShortTag() == "!!merge":
				keepMerged(n.Content[i+1], path)
			case path[0] == "*" || path[0] == key.Value:
				keepWritten(n.Content[i+1], path[1:])
			}
		}
	case yaml3.SequenceNode:
		if path[0] == "*" {
			for _, item := range n.Content {
				keepWritten(item, path[1:])
			}
		}
	}
}

// keepMerged does keepWritten for the mapping, or mappings, of a merge key.
func keepMerged(n *yaml3.Node, path []string) {
	if n.Kind != yaml3.SequenceNode {
		keepWritten(n, path)
		return
	}
	for _, item := range n.Content {
		keepWritten(item, path)
	}
}

func checkType(object map[string]any, kind string, apiVersions ...string) error {
	if got, _ := object["kind"].(string); got != kind {
		return fmt.Errorf("kind is %q, and must be %q", got, kind)
	}
	if got, _ := object["apiVersion"].(string); !slices.Contains(apiVersions, got) {
		return fmt.Errorf("apiVersion is %q, and must be %q", got, apiVersions[0])
	}
	return nil
}
