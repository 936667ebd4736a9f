// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestContentConfigMapName(t *testing.T) {
	for id, want := range map[string]string{
		"storage-1.0.0":           "solution-storage-1.0.0",
		"storage-2.10.1-rc.1":     "solution-storage-2.10.1-rc.1",
		"storage-2.10.1-rc.1+b3":  "solution-storage-2-10-1-rc-1-b3-x293df988",
		"storage-1.0.0-SNAPSHOT":  "solution-storage-1-0-0-snapshot-xdc90a4e0",
		"storage-1.0.0-":          "solution-storage-1-0-0--xa9caa032",
		strings.Repeat("a", 244):  "solution-" + strings.Repeat("a", 244),
		strings.Repeat("1.", 122): "solution-" + strings.Repeat("1-", 100) + "-x",
	} {
		if got := ContentConfigMapName(id); got != want && !(len(id) == 244 && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

// Whatever the version, the name is one that the API server takes, and of one
// version only.
func TestContentConfigMapNames(t *testing.T) {
	ids := map[string]string{}
	for _, name := range []string{"a", "storage", "example-solution", strings.Repeat("n", 63)} {
		for _, version := range append(versionPool(), strings.Repeat("1", 128), strings.Repeat("1", 127)+"2", strings.Repeat("X", 128), strings.Repeat("x", 128), strings.Repeat("1.", 64), strings.Repeat("é", 100)) {
			id := ID(name, version)
			got := ContentConfigMapName(id)
			if problems := validation.IsDNS1123Subdomain(got); len(problems) > 0 {
				t.Errorf("%q becomes %q: %s", id, got, problems)
			}
			if other, found := ids[got]; found && other != id {
				t.Errorf("%q and %q both become %q", other, id, got)
			}
			ids[got] = id
		}
	}
	for _, id := range []string{"", ".", "-", ".a", "A", "é"} {
		if got := ContentConfigMapName(id); len(validation.IsDNS1123Subdomain(got)) > 0 {
			t.Errorf("%q becomes %q", id, got)
		}
	}
}

func TestVersionLabelValue(t *testing.T) {
	for version, want := range map[string]string{
		"1.0.0": "1.0.0", "2.10.1-rc.1+b3": "2.10.1-rc.1_b3", "1.0~beta": "1.0_beta", "1.0.0-": "1.0.0", "1.0+": "1.0",
		"1" + strings.Repeat("0", 127):  "1" + strings.Repeat("0", 62),
		strings.Repeat("1", 62) + "-rc": strings.Repeat("1", 62),
	} {
		if got := VersionLabelValue(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
	tried := 0
	for _, version := range append(versionPool(), strings.Repeat("1.", 64), strings.Repeat("1+", 64)) {
		if !versionPattern.MatchString(version) {
			continue
		}
		tried++
		if problems := validation.IsValidLabelValue(VersionLabelValue(version)); len(problems) > 0 || VersionLabelValue(version) == "" {
			t.Errorf("%q becomes %q: %s", version, VersionLabelValue(version), problems)
		}
	}
	if tried < 50 {
		t.Errorf("%d versions tried only", tried)
	}
}

func TestContentImage(t *testing.T) {
	c := &Content{Images: []Image{{ImageName: ImageName{"a", "1"}, Size: 1}, {ImageName: ImageName{"a", "2"}, Size: 2}}}
	if i, found := c.Image(ImageName{"a", "2"}); !found || i.Size != 2 {
		t.Errorf("%+v, %t", i, found)
	}
	if i, found := c.Image(ImageName{"a", "3"}); found || i != (Image{}) {
		t.Errorf("%+v, %t", i, found)
	}
	if got := Repository("registry:5000/x", ID("a", "1.0")); got != "registry:5000/x/a-1.0" {
		t.Error(got)
	}
}

func TestReservedRoleName(t *testing.T) {
	for name, want := range map[string]string{
		"admin":                     "Kubernetes has a ClusterRole",
		"cluster-admin":             "Kubernetes has a ClusterRole",
		"edit":                      "Kubernetes has a ClusterRole",
		"view":                      "Kubernetes has a ClusterRole",
		"system:node":               `start with "system:"`,
		"system:":                   `start with "system:"`,
		"solutions:deployer":        `start with "solutions:"`,
		"solutions:1.0.0:role":      `start with "solutions:"`,
		"other:1.0.0:manager":       `here of "other"`,
		"other:1.0.0:a:b":           `here of "other"`,
		"::":                        `here of ""`,
		"storage:1.0.0:manager":     "",
		"storage:1.0.0:a:b":         "",
		"other:manager":             "",
		"other:":                    "",
		"systems:a":                 "",
		"system":                    "",
		"solutions":                 "",
		"Admin":                     "",
		"view-all":                  "",
		"storage-operator":          "",
		"storage-operator:other:ab": `here of "storage-operator"`,
	} {
		err := ReservedRoleName("storage", name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}
