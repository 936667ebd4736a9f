// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const configurationHead = "apiVersion: solutions.metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\n"

func TestDecodeSolutionsConfiguration(t *testing.T) {
	tests := map[string]struct {
		text string
		want SolutionsConfiguration
	}{
		"nothing": {configurationHead, SolutionsConfiguration{APIVersion: APIVersion, Kind: KindSolutionsConfiguration}},
		"as in the contract": {
			configurationHead + "archives:\n- /solutions/storage_1.0.0.iso # the first\n- /a b.iso\nactive: {storage: 1.0, other: latest}\nunknown: 1\n",
			SolutionsConfiguration{
				APIVersion: APIVersion, Kind: KindSolutionsConfiguration,
				Archives: []string{"/solutions/storage_1.0.0.iso", "/a b.iso"}, Active: map[string]string{"storage": "1.0", "other": "latest"},
			},
		},
		"the older apiVersion": {
			"apiVersion: metalk8s.scality.com/v1alpha1\nkind: SolutionsConfiguration\narchives: []\nactive: {}\n",
			SolutionsConfiguration{APIVersion: LegacyConfigurationAPIVersion, Kind: KindSolutionsConfiguration, Archives: []string{}, Active: map[string]string{}},
		},
		"nulls":           {configurationHead + "archives:\nactive: ~\n", SolutionsConfiguration{APIVersion: APIVersion, Kind: KindSolutionsConfiguration}},
		"numbers":         {configurationHead + "archives: [1]\nactive: {7: 1e3}\n", SolutionsConfiguration{APIVersion: APIVersion, Kind: KindSolutionsConfiguration, Archives: []string{"1"}, Active: map[string]string{"7": "1e3"}}},
		"an alias":        {configurationHead + "v: &v 1.10\nactive: {a: *v}\n", SolutionsConfiguration{APIVersion: APIVersion, Kind: KindSolutionsConfiguration, Active: map[string]string{"a": "1.10"}}},
		"byte order mark": {"\ufeff" + configurationHead, SolutionsConfiguration{APIVersion: APIVersion, Kind: KindSolutionsConfiguration}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeSolutionsConfiguration([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeSolutionsConfigurationErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":               "not a YAML mapping: the file is empty",
		"- a":            "not a YAML mapping",
		"kind: Solution": `kind is "Solution", and must be "SolutionsConfiguration"`,
		"apiVersion: v1": `kind is "", and must be "SolutionsConfiguration"`,
		"apiVersion: v1\n" + "kind: SolutionsConfiguration":  `apiVersion is "v1", and must be "solutions.metalk8s.scality.com/v1alpha1"`,
		configurationHead + "---\n" + configurationHead:      "more than one YAML document",
		configurationHead + "archives: /a.iso":               `archives must be a list, and is "/a.iso"`,
		configurationHead + "archives: [[/a.iso]]":           `archives must be a list of strings, and is "[[/a.iso]]"`,
		configurationHead + "archives: [null]":               `archives must be a list of strings, and is "[<nil>]"`,
		configurationHead + "active: [a]":                    `active must be a mapping, and is "[a]"`,
		configurationHead + "active: {a: [1]}":               `active.a must be a string, and is "[1]"`,
		configurationHead + "active: {a: null}":              "active: a has no version",
		configurationHead + "active: {a: ''}":                "active: a has no version",
		configurationHead + "active: {'Storage': 1}":         `active: "Storage" is no name of a Solution: ` + noLabel,
		configurationHead + "active: {a: 1}\nactive: {b: 1}": "not a YAML mapping: yaml: unmarshal errors:\n  line 4: mapping key \"active\" already defined at line 3",
	} {
		if _, err := DecodeSolutionsConfiguration([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s\nerror %v\nwant  %s", text, err, want)
		}
	}
}

func TestOperatorConfigEncode(t *testing.T) {
	c := OperatorConfig{
		APIVersion: APIVersion, Kind: KindOperatorConfig,
		Repositories: map[string][]OperatorRepository{
			"1.0":   {{Endpoint: "registry:5000/storage-1.0", Images: []string{"storage-operator:1.0", "nginx:1.27"}}},
			"1.1.0": {{Endpoint: "registry:5000/storage-1.1.0", Images: []string{"storage-operator:1.1.0"}}},
		},
	}
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: solutions.metalk8s.scality.com/v1alpha1
kind: OperatorConfig
repositories:
  "1.0":
  - endpoint: registry:5000/storage-1.0
    images:
    - storage-operator:1.0
    - nginx:1.27
  1.1.0:
  - endpoint: registry:5000/storage-1.1.0
    images:
    - storage-operator:1.1.0
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// As operators read it.
	var back OperatorConfig
	if err := yaml.UnmarshalStrict(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOperatorConfigEncodeRefusesEmpties(t *testing.T) {
	for want, repositories := range map[string]map[string][]OperatorRepository{
		"an OperatorConfig with no repositories is refused by operators": {},
		"the OperatorConfig has no repository for version 1.0.0":         {"1.0.0": {}},
		"the OperatorConfig has no images for repository r/a-1.0.0":      {"1.0.0": {{Endpoint: "r/a-1.0.0"}}},
		"the OperatorConfig has no images for repository r/b":            {"1.0.0": {{Endpoint: "r/a", Images: []string{"a:1"}}, {Endpoint: "r/b", Images: []string{}}}},
	} {
		text, err := OperatorConfig{APIVersion: APIVersion, Kind: KindOperatorConfig, Repositories: repositories}.Encode()
		if err == nil || err.Error() != want || text != nil {
			t.Errorf("%v, %q; want %s", err, text, want)
		}
	}
	if _, err := (OperatorConfig{}).Encode(); err == nil {
		t.Error("nothing at all is encoded")
	}
}
