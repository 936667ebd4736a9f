// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// documentedConfig has the fields that operators know, and no other.
type documentedConfig struct {
	APIVersion   string `json:"apiVersion"`
	Kind         string `json:"kind"`
	Repositories map[string][]struct {
		Endpoint string   `json:"endpoint"`
		Images   []string `json:"images"`
	} `json:"repositories"`
}

// operatorConfig reads what is deployed as an operator does: strictly.
func operatorConfig(t *testing.T, target plan.Target) documentedConfig {
	t.Helper()
	cm := find[*corev1.ConfigMap](t, workload(t, target), "example-solution-operator-config")
	if len(cm.Data) != 1 {
		t.Errorf("%d keys, want one", len(cm.Data))
	}
	var config documentedConfig
	if err := yaml.UnmarshalStrict([]byte(cm.Data["operator.yaml"]), &config); err != nil {
		t.Fatalf("%v in:\n%s", err, cm.Data["operator.yaml"])
	}
	if config.APIVersion != "solutions.metalk8s.scality.com/v1alpha1" || config.Kind != "OperatorConfig" {
		t.Errorf("apiVersion %s, kind %s", config.APIVersion, config.Kind)
	}
	for version, repositories := range config.Repositories {
		if len(repositories) != 1 || len(repositories[0].Images) == 0 {
			t.Errorf("version %s has an empty list: %v", version, repositories)
		}
	}
	return config
}

func TestOperatorConfigOfEveryTarget(t *testing.T) {
	for name, target := range targets() {
		if target.Content.Operator == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			config := operatorConfig(t, target)
			if len(config.Repositories) != len(target.Versions) {
				t.Errorf("%d repositories, and %d versions", len(config.Repositories), len(target.Versions))
			}
			if _, found := config.Repositories[target.Content.Version]; !found {
				t.Errorf("nothing for version %s", target.Content.Version)
			}
		})
	}
}

func TestOperatorConfig(t *testing.T) {
	config := operatorConfig(t, target("1.0.0", func(t *plan.Target) {
		t.Versions = []plan.Version{
			// YAML would read a number.
			{Version: "1.10", ID: "example-solution-1.10", Images: []string{"b:1", "a:2", "b:1", "a:1"}},
			{Version: "1.0.0", ID: "example-solution-1.0.0", Images: []string{"some-image:2.0.0"}},
			{Version: "1.1.0", ID: "example-solution-1.1.0"},
		}
	}))
	got := map[string]any{}
	for version, repositories := range config.Repositories {
		got[version] = repositories[0].Endpoint
	}
	want := map[string]any{
		"1.10":  "registry.example.com:5000/example-solution-1.10",
		"1.0.0": "registry.example.com:5000/example-solution-1.0.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a:1", "a:2", "b:1"}, config.Repositories["1.10"][0].Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

func TestOperatorConfigErrors(t *testing.T) {
	for name, c := range map[string]struct {
		versions []plan.Version
		want     []string
	}{
		"none":      {nil, []string{"1.0.0", "not imported"}},
		"no images": {[]plan.Version{{Version: "1.0.0", ID: "x"}}, []string{"example-solution", "image"}},
		"twice":     {[]plan.Version{version("1.0.0"), version("1.0.0")}, []string{"1.0.0", "twice"}},
		"no id":     {[]plan.Version{version("1.0.0"), {Version: "2.0.0"}}, []string{"2.0.0", "no id"}},
		"bad image": {[]plan.Version{{Version: "1.0.0", ID: "x", Images: []string{"untagged"}}}, []string{"1.0.0", "untagged"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.OperatorConfig(target("1.0.0", func(t *plan.Target) { t.Versions = c.versions }))
			checkError(t, err, c.want...)
		})
	}
	_, err := plan.OperatorConfig(plan.Target{})
	checkError(t, err, "no content")
}
