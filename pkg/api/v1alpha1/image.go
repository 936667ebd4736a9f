// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"regexp"
	"strings"
)

// ImageName names an image within a Solution: images/<name>/<tag> in its
// archive.
type ImageName struct {
	Name string `json:"name"`
	Tag  string `json:"tag"`
}

// Path components and tag, as in the OCI distribution specification ("Pulling
// manifests"); a name in the older archives may have upper-case letters.
var (
	imagePattern = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)*$`)
	tagPattern   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// ParseImageName reads name:tag.
func ParseImageName(s string) (ImageName, error) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 || i == len(s)-1 {
		return ImageName{}, fmt.Errorf("image %q is not of the form name:tag", s)
	}
	image := ImageName{Name: s[:i], Tag: s[i+1:]}
	return image, image.validatePart()
}

// String returns name:tag.
func (i ImageName) String() string { return i.Name + ":" + i.Tag }

// Validate says why i cannot be the name of an image.
func (i ImageName) Validate() error {
	if i.Name == "" || i.Tag == "" {
		return fmt.Errorf("image %q has no name or no tag", i)
	}
	return i.validatePart()
}

// validatePart accepts an empty name or tag.
func (i ImageName) validatePart() error {
	if i.Name != "" && (!imagePattern.MatchString(i.Name) || len(i.Name) > 255) {
		return fmt.Errorf("%q is no image name", i.Name)
	}
	if i.Tag != "" && !tagPattern.MatchString(i.Tag) {
		return fmt.Errorf("%q is no image tag", i.Tag)
	}
	return nil
}
