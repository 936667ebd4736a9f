// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Workload returns the objects of a Target in a namespace that holds nothing.
func Workload(t Target) ([]*unstructured.Unstructured, error) {
	n := &naming{live: NewLive(), taken: map[Ref]string{}}
	list, _, err := n.workload(t)
	if err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, 0, len(list))
	for _, w := range list {
		objects = append(objects, w.Object)
	}
	return objects, nil
}

// Differences returns a line for each field in which live is not as wanted:
// "<path>: <from> -> <to>", sorted.
func Differences(wanted, live *unstructured.Unstructured) []string {
	var lines []string
	for _, d := range differences(wanted, live) {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", pathText(d.path), compact(d.from), compact(d.to)))
	}
	slices.Sort(lines)
	return lines
}

// Owners returns who owns a field besides this project, and whether this project
// does.
func Owners(live *unstructured.Unstructured, path ...string) (others []string, ours bool) {
	return owners(live, path, false), isOurs(live, path)
}

// Adopts reports whether the user has named an object to be taken over.
func Adopts(o Options, r Ref) bool { return o.adopts(r) }
