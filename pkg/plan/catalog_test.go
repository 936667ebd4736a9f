// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// parseRecords reads lines as "storage 1.0.0 active of /a.iso".
func parseRecords(t *testing.T, lines ...string) map[string][]v1alpha1.SolutionRecord {
	t.Helper()
	records := map[string][]v1alpha1.SolutionRecord{}
	for _, line := range lines {
		words := strings.Fields(line)
		active := slices.Contains(words, "active")
		words = slices.DeleteFunc(words, func(w string) bool { return w == "active" })
		if len(words) != 4 || words[2] != "of" {
			t.Fatalf("no record: %q", line)
		}
		records[words[0]] = append(records[words[0]], v1alpha1.SolutionRecord{
			Name: words[0], ID: words[0] + "-" + words[1], Version: words[1], Active: active, Archive: words[3],
		})
	}
	return records
}

// recordLines is the reverse of parseRecords, Solutions sorted by name.
func recordLines(records map[string][]v1alpha1.SolutionRecord) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(records)) {
		for _, r := range records[name] {
			active := ""
			if r.Active {
				active = "active "
			}
			lines = append(lines, fmt.Sprintf("%s %s %sof %s", name, r.Version, active, r.Archive))
		}
	}
	return lines
}

// node has these records as what is imported.
func node(t *testing.T, lines ...string) plan.Node {
	t.Helper()
	var n plan.Node
	for _, line := range lines {
		for name, records := range parseRecords(t, line) {
			r := records[0]
			n.Imported = append(n.Imported, plan.Imported{
				Content: &v1alpha1.Content{ID: r.ID, Name: name, Version: r.Version, DisplayName: name},
				Archive: r.Archive, Active: r.Active,
			})
		}
	}
	return n
}

func TestRecords(t *testing.T) {
	tests := map[string]struct {
		node                   []string
		unreadable, unresolved []string
		previous, want         []string
	}{
		"nothing": {},
		"two Solutions, highest version last": {
			node: []string{"storage 1.10.0 active of /b.iso", "web 1.0.0 of /w.iso", "storage 1.9.0 of /a.iso", "storage 1.10.0-rc.1 of /c.iso"},
			want: []string{"storage 1.9.0 of /a.iso", "storage 1.10.0-rc.1 of /c.iso", "storage 1.10.0 active of /b.iso", "web 1.0.0 of /w.iso"},
		},
		"what is removed is forgotten": {
			node:     []string{"storage 2.0.0 of /b.iso"},
			previous: []string{"storage 1.0.0 active of /a.iso", "storage 2.0.0 of /b.iso", "web 1.0.0 of /w.iso"},
			want:     []string{"storage 2.0.0 of /b.iso"},
		},
		"what cannot be read stays": {
			node: []string{"storage 2.0.0 of /b.iso"}, unreadable: []string{"/a.iso", "/w.iso"}, unresolved: []string{"storage", "web"},
			previous: []string{"storage 3.0.0 active of /a.iso", "storage 1.0.0 of /gone.iso", "web 1.0.0 active of /w.iso"},
			want:     []string{"storage 2.0.0 of /b.iso", "storage 3.0.0 active of /a.iso", "web 1.0.0 active of /w.iso"},
		},
		"what cannot be read can be deactivated": {
			unreadable: []string{"/a.iso"},
			previous:   []string{"storage 3.0.0 active of /a.iso"},
			want:       []string{"storage 3.0.0 of /a.iso"},
		},
		"what cannot be read is active no more when another version is": {
			node: []string{"storage 2.0.0 active of /b.iso"}, unreadable: []string{"/a.iso"},
			previous: []string{"storage 3.0.0 active of /a.iso"},
			want:     []string{"storage 2.0.0 active of /b.iso", "storage 3.0.0 of /a.iso"},
		},
		"another archive of the unreadable one's version": {
			node: []string{"storage 1.0.0 of /b.iso"}, unreadable: []string{"/a.iso"},
			previous: []string{"storage 1.0.0 active of /a.iso"},
			want:     []string{"storage 1.0.0 of /b.iso"},
		},
		"an archive that never could be read": {
			node: []string{"storage 1.0.0 of /a.iso"}, unreadable: []string{"/new.iso"},
			want: []string{"storage 1.0.0 of /a.iso"},
		},
		"of two archives of one version the first counts": {
			node: []string{"storage 1.0.0 active of /a.iso", "storage 1.0.0 active of /b.iso"},
			want: []string{"storage 1.0.0 active of /a.iso"},
		},
		"activated": {
			node:     []string{"storage 1.0.0 of /a.iso", "storage 2.0.0 active of /b.iso"},
			previous: []string{"storage 1.0.0 active of /a.iso", "storage 2.0.0 of /b.iso"},
			want:     []string{"storage 1.0.0 of /a.iso", "storage 2.0.0 active of /b.iso"},
		},
		"deactivated": {
			node:     []string{"storage 1.0.0 of /a.iso"},
			previous: []string{"storage 1.0.0 active of /a.iso"},
			want:     []string{"storage 1.0.0 of /a.iso"},
		},
		"an active version that is not found leaves the earlier one": {
			node: []string{"storage 1.0.0 of /a.iso", "storage 2.0.0 of /b.iso"}, unresolved: []string{"storage"},
			previous: []string{"storage 1.0.0 active of /a.iso"},
			want:     []string{"storage 1.0.0 active of /a.iso", "storage 2.0.0 of /b.iso"},
		},
		"and of another Solution nothing": {
			node: []string{"storage 1.0.0 of /a.iso"}, unresolved: []string{"web"},
			previous: []string{"storage 1.0.0 active of /a.iso"},
			want:     []string{"storage 1.0.0 of /a.iso"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, previous := node(t, tt.node...), parseRecords(t, tt.previous...)
			n.Unreadable, n.Unresolved = tt.unreadable, tt.unresolved
			got := plan.Records(n, previous)
			if diff := cmp.Diff(tt.want, recordLines(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(parseRecords(t, tt.previous...), previous); diff != "" {
				t.Errorf("its arguments have changed:\n%s", diff)
			}
			if _, err := plan.EncodeRecords(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRecordOfAnArchive(t *testing.T) {
	c := content("1.0.0")
	got := plan.Records(plan.Node{Imported: []plan.Imported{{Content: c, Archive: "/a.iso", Mountpoint: "/srv/scality/x", Active: true}}}, nil)
	want := map[string][]v1alpha1.SolutionRecord{"example-solution": {{
		Name: "Example Solution", ID: "example-solution-1.0.0", Version: "1.0.0", Active: true,
		Archive: "/a.iso", Mountpoint: "/srv/scality/x", Manifest: c.Manifest,
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestVersions(t *testing.T) {
	manifest := func(images any) map[string]any { return map[string]any{"spec": map[string]any{"images": images}} }
	got := plan.Versions("storage", []v1alpha1.SolutionRecord{
		{Version: "1.0.0", ID: "what older tooling wrote", Manifest: manifest([]any{"a:1", "b:2"})},
		{Version: "1.1.0", Manifest: manifest([]any{"a:1", float64(3), nil})},
		{Version: "1.2.0", Manifest: manifest("a:1")},
		{Version: "1.3.0", Manifest: map[string]any{"spec": "text"}},
		{Version: "1.4.0"},
	})
	want := []plan.Version{
		{Version: "1.0.0", ID: "storage-1.0.0", Images: []string{"a:1", "b:2"}},
		{Version: "1.1.0", ID: "storage-1.1.0", Images: []string{"a:1"}},
		{Version: "1.2.0", ID: "storage-1.2.0"},
		{Version: "1.3.0", ID: "storage-1.3.0"},
		{Version: "1.4.0", ID: "storage-1.4.0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
