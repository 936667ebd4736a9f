// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
)

// Content is what the archive of a Solution's version holds, as far as anyone
// needs it who does not have the archive: the helper reports it, and the
// cluster records it for those who prepare Environments.
type Content struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	DisplayName string `json:"displayName"`
	// Manifest is manifest.yaml with its defaults filled in.
	Manifest map[string]any `json:"manifest"`
	// Images are those of the manifest that the archive holds, sorted.
	Images []Image `json:"images,omitempty"`
	// Operator and UI are nil where the archive holds no such image.
	Operator *ImageName `json:"operator,omitempty"`
	UI       *ImageName `json:"ui,omitempty"`
	// UIDeploy is false where the Solution's Operator deploys its UI.
	UIDeploy bool `json:"uiDeploy"`
	// Roles are the documents of operator/deploy/role.yaml, in order: Role and
	// ClusterRole objects as JSON data.
	Roles []map[string]any `json:"roles,omitempty"`
	// CRDs are in the order of their files' names.
	CRDs []CRD `json:"crds,omitempty"`
}

// Image is one image of an archive.
type Image struct {
	ImageName `json:",inline"`
	// Digest is that of the stored manifest.json, "sha256:" and 64 hex digits.
	Digest string `json:"digest"`
	// MediaType is the manifest's own.
	MediaType string `json:"mediaType"`
	// Size is that of the manifest and all blobs it leads to, in bytes, each
	// counted once.
	Size int64 `json:"size"`
}

// CRD tells of a CustomResourceDefinition in an archive.
type CRD struct {
	// Name is <plural>.<group>.
	Name string `json:"name"`
	// Path is the file's in the archive.
	Path string `json:"path"`
	// APIVersion is the definition's own, which must be apiextensions.k8s.io/v1
	// for it to be applied.
	APIVersion string `json:"apiVersion"`
	Group      string `json:"group"`
	Kind       string `json:"kind"`
	Plural     string `json:"plural"`
	Namespaced bool   `json:"namespaced"`
	// Versions are the names of spec.versions in their order, Storage the one
	// that objects are stored in.
	Versions []string `json:"versions,omitempty"`
	Storage  string   `json:"storage,omitempty"`
	// Served are the names of the versions that the API server serves. It and
	// Digest are empty in what earlier versions of this project recorded.
	Served []string `json:"served,omitempty"`
	// Digest is that of the definition, see CRDDigest.
	Digest string `json:"digest,omitempty"`
}

// Image returns the image of that name.
func (c *Content) Image(name ImageName) (Image, bool) {
	i := slices.IndexFunc(c.Images, func(i Image) bool { return i.ImageName == name })
	if i < 0 {
		return Image{}, false
	}
	return c.Images[i], true
}

// Repository returns the prefix under which a registry serves the images of a
// version: <endpoint>/<id>.
func Repository(endpoint, id string) string { return endpoint + "/" + id }

// SolutionRecord is an imported version in the SolutionsConfigMap.
type SolutionRecord struct {
	// Name is the display name.
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version string `json:"version"`
	Active  bool   `json:"active"`
	// Archive is the path of the ISO file on the bootstrap node.
	Archive string `json:"archive"`
	// Mountpoint is where the archive is mounted, "" where it is not.
	Mountpoint string `json:"mountpoint"`
	// Manifest is manifest.yaml with its defaults filled in.
	Manifest map[string]any `json:"manifest"`
}

// SortRecords orders the versions of one Solution, highest last.
func SortRecords(records []SolutionRecord) {
	slices.SortFunc(records, func(a, b SolutionRecord) int { return CompareVersions(a.Version, b.Version) })
}
