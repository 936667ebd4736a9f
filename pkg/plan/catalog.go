// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// Imported is a version that is imported on the bootstrap node.
type Imported struct {
	Content *v1alpha1.Content
	// Archive is the path of its ISO file there.
	Archive string
	// Mountpoint is "" where the archive is not mounted.
	Mountpoint string
	Active     bool
}

// Node is what the bootstrap node has.
type Node struct {
	Imported []Imported
	// Unreadable are the paths of archives that are in its configuration and
	// cannot be read now.
	Unreadable []string
	// Unresolved are Solutions of which an active version is configured that
	// none of the readable archives holds.
	Unresolved []string
}

// Records returns what the cluster is to record of imported versions. What the
// node cannot tell now stays as previous has it: an archive that cannot be
// read is not an archive that was removed.
func Records(node Node, previous map[string][]v1alpha1.SolutionRecord) map[string][]v1alpha1.SolutionRecord {
	records := map[string][]v1alpha1.SolutionRecord{}
	known := map[string]bool{}
	for _, i := range node.Imported {
		c := i.Content
		if known[c.ID] {
			continue // the first archive of a version counts
		}
		known[c.ID] = true
		active := i.Active || slices.Contains(node.Unresolved, c.Name) && wasActive(previous[c.Name], c.Version)
		records[c.Name] = append(records[c.Name], v1alpha1.SolutionRecord{
			Name:       c.DisplayName,
			ID:         c.ID,
			Version:    c.Version,
			Active:     active,
			Archive:    i.Archive,
			Mountpoint: i.Mountpoint,
			Manifest:   c.Manifest,
		})
	}
	for _, name := range sortedKeys(previous) {
		for _, r := range previous[name] {
			if slices.Contains(node.Unreadable, r.Archive) && !known[v1alpha1.ID(name, r.Version)] {
				r.Active = r.Active && slices.Contains(node.Unresolved, name) // else another one is, or none
				records[name] = append(records[name], r)
			}
		}
	}
	for name := range records {
		v1alpha1.SortRecords(records[name])
	}
	return records
}

func wasActive(records []v1alpha1.SolutionRecord, version string) bool {
	return slices.ContainsFunc(records, func(r v1alpha1.SolutionRecord) bool { return r.Version == version && r.Active })
}

// Versions returns, for an OperatorConfig, the imported versions of a Solution.
func Versions(name string, records []v1alpha1.SolutionRecord) []Version {
	versions := make([]Version, 0, len(records))
	for _, r := range records {
		versions = append(versions, Version{Version: r.Version, ID: v1alpha1.ID(name, r.Version), Images: recordedImages(r.Manifest)})
	}
	return versions
}

// recordedImages reads spec.images of a manifest; what is no string there, as
// older tooling may have left it, is no image.
func recordedImages(manifest map[string]any) []string {
	spec, _ := manifest["spec"].(map[string]any)
	list, _ := spec["images"].([]any)
	var images []string
	for _, item := range list {
		if text, ok := item.(string); ok {
			images = append(images, text)
		}
	}
	return images
}
