// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// repositoryPattern is one path component of a repository's name, as in the
// OCI distribution specification ("Pulling manifests").
var repositoryPattern = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)

// maxLabel is how long the value of a label may be.
const maxLabel = 63

// checkNames checks what the names of a Solution become elsewhere.
func (in *inspector) checkNames(s *v1alpha1.Solution) {
	if !repositoryPattern.MatchString(s.ID()) {
		in.add(Finding{
			Severity: Warning, Rule: RuleIDReference, Path: manifestPath,
			Message: "the id " + s.ID() + " cannot be a part of an image reference, so nodes cannot pull its images",
			Hint:    "a version of lower-case letters, digits, and single dots, underscores and dashes can",
		})
	}
	if operator := s.Name + "-operator"; len(operator) > maxLabel {
		in.errorf(StagePrepare, RuleNameLength, manifestPath,
			"metadata.name is %d characters long: %s is longer than the %d that a label may have", len(s.Name), operator, maxLabel)
	}
}

// fill makes the content of an archive with this manifest: a default counts
// only where the archive holds that image.
func (in *inspector) fill(s *v1alpha1.Solution) *v1alpha1.Content {
	manifest, _ := deepCopy(s.Object).(map[string]any)
	// DecodeSolution found a version in it, so there is a spec.
	spec, _ := manifest["spec"].(map[string]any)
	c := &v1alpha1.Content{
		ID: s.ID(), Name: s.Name, Version: s.Version, DisplayName: s.DisplayName,
		Manifest: manifest, UIDeploy: s.UIDeploy,
		Operator: in.component(RuleOperatorImage, "spec.operator.image", s.Operator, s.Name+"-operator", s.Version),
		UI:       in.component(RuleUIImage, "spec.ui.image", s.UI, s.Name+"-ui", s.Version),
	}
	setComponent(spec, "operator", c.Operator)
	setComponent(spec, "ui", c.UI)
	listed := in.listed(s.Images)
	texts := make([]any, len(listed))
	for i, image := range listed {
		texts[i] = image.String()
	}
	spec["images"] = texts
	for _, image := range []*v1alpha1.ImageName{c.Operator, c.UI} {
		if image != nil && !slices.Contains(listed, *image) {
			listed = append(listed, *image)
		}
	}
	in.warnUnlisted(listed)
	slices.SortFunc(listed, compareImages)
	for _, image := range listed {
		c.Images = append(c.Images, in.images[image])
	}
	return c
}

// component returns the image of the Operator or UI, nil where the archive
// does not hold it. That is a fault only where the manifest names it.
func (in *inspector) component(rule, field string, given v1alpha1.ImageName, name, tag string) *v1alpha1.ImageName {
	image := v1alpha1.ImageName{Name: cmp.Or(given.Name, name), Tag: cmp.Or(given.Tag, tag)}
	if _, held := in.images[image]; held {
		return &image
	}
	if given != (v1alpha1.ImageName{}) {
		in.add(Finding{
			Severity: Error, Rule: rule, Path: manifestPath,
			Message: field + " is " + image.String() + ", and the archive does not hold it",
			Hint:    "the archive is treated as one without that image",
		})
	}
	return nil
}

// setComponent makes spec.<field>.image what the archive holds, and so removes
// one that it lacks.
func setComponent(spec map[string]any, field string, image *v1alpha1.ImageName) {
	component, _ := spec[field].(map[string]any)
	switch {
	case image == nil && component == nil:
		return
	case image == nil:
		delete(component, "image")
		if len(component) == 0 {
			delete(spec, field)
		}
		return
	case component == nil:
		component = map[string]any{}
		spec[field] = component
	}
	fields, _ := component["image"].(map[string]any)
	if fields == nil {
		fields = map[string]any{}
		component["image"] = fields
	}
	fields["name"], fields["tag"] = image.Name, image.Tag
}

// listed returns the images that the manifest lists and the archive holds, in
// the manifest's order; all that the archive holds where it lists none.
func (in *inspector) listed(images []v1alpha1.ImageName) []v1alpha1.ImageName {
	if len(images) == 0 {
		return slices.SortedFunc(maps.Keys(in.images), compareImages)
	}
	var listed []v1alpha1.ImageName
	seen := map[v1alpha1.ImageName]bool{}
	for _, image := range images {
		_, held := in.images[image]
		switch {
		case seen[image]:
		case held:
			listed = append(listed, image)
		default:
			in.add(Finding{
				Severity: Error, Rule: RuleImageListed, Path: manifestPath,
				Message: "spec.images lists " + image.String() + ", and the archive does not hold it",
				Hint:    "the image is left out",
			})
		}
		seen[image] = true
	}
	return listed
}

// warnUnlisted tells of images that the archive holds for nothing.
func (in *inspector) warnUnlisted(used []v1alpha1.ImageName) {
	unlisted := maps.Clone(in.images)
	for _, image := range used {
		delete(unlisted, image)
	}
	for _, image := range slices.SortedFunc(maps.Keys(unlisted), compareImages) {
		in.warnf(RuleImageUnlisted, imagePath(image), "the archive holds this image, and spec.images in %s does not list it", manifestPath)
	}
}

func compareImages(a, b v1alpha1.ImageName) int { return strings.Compare(a.String(), b.String()) }

func imagePath(image v1alpha1.ImageName) string {
	return imagesPath + "/" + image.Name + "/" + image.Tag
}

// deepCopy copies JSON data.
func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, item := range v {
			c[key] = deepCopy(item)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, item := range v {
			c[i] = deepCopy(item)
		}
		return c
	}
	return v
}
