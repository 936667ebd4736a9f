// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const group = "example-solution.metalk8s.scality.com"

// versionFile returns the path of a file of one version.
func versionFile(version string, elem ...string) string {
	return filepath.Join(append([]string{"example-solution", "versions", version}, elem...)...)
}

// document is what every Kubernetes object has.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

// documents reads every YAML document of a file, none of which may be empty or
// have a key twice.
func documents(t *testing.T, file string) []document {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []document
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		raw, err := yaml.YAMLToJSONStrict(doc)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var d document
		if err := yaml.Unmarshal(raw, &d); err != nil || d.Kind == "" || d.Metadata.Name == "" {
			t.Fatalf("%s: document %s (%v)", file, raw, err)
		}
		out = append(out, d)
	}
}

func readCRD(t *testing.T, version string) apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	data, err := os.ReadFile(versionFile(version, "operator", "deploy", "crds", "examples_crd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatalf("CRD of %s: %v", version, err)
	}
	return crd
}

// TestCRDs checks what lets 2.0.0 be rolled back: both versions store v1alpha1,
// with the same schema in every API version.
func TestCRDs(t *testing.T) {
	want := map[string][]string{"1.0.0": {"v1alpha1 stored"}, "2.0.0": {"v1alpha1 stored", "v1beta1"}}
	schema := readCRD(t, "1.0.0").Spec.Versions[0].Schema
	for version, served := range want {
		crd := readCRD(t, version)
		if crd.Name != crd.Spec.Names.Plural+"."+crd.Spec.Group || crd.Spec.Group != group || crd.Spec.Names.Kind != "Example" {
			t.Errorf("%s: name %s, group %s, names %+v", version, crd.Name, crd.Spec.Group, crd.Spec.Names)
		}
		var got []string
		for _, v := range crd.Spec.Versions {
			line := v.Name
			if v.Storage {
				line += " stored"
			}
			if !v.Served || v.Subresources == nil || v.Subresources.Status == nil {
				t.Errorf("%s: %s is not served, or has no status", version, v.Name)
			}
			if diff := cmp.Diff(schema, v.Schema); diff != "" {
				t.Errorf("%s: the schema of %s differs:\n%s", version, v.Name, diff)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(served, got); diff != "" {
			t.Errorf("%s: API versions (-want +got):\n%s", version, diff)
		}
	}
}

func TestDocuments(t *testing.T) {
	const rbac = "rbac.authorization.k8s.io/v1"
	solution := "example-solution-operator"
	for file, want := range map[string][]string{
		versionFile("1.0.0", "manifest.yaml"):                                 {"solutions.metalk8s.scality.com/v1alpha1 Solution example-solution"},
		versionFile("2.0.0", "manifest.yaml"):                                 {"solutions.metalk8s.scality.com/v1alpha1 Solution example-solution"},
		versionFile("1.0.0", "operator", "deploy", "role.yaml"):               {rbac + " Role " + solution},
		versionFile("2.0.0", "operator", "deploy", "role.yaml"):               {rbac + " Role " + solution, rbac + " ClusterRole " + solution + "-view"},
		versionFile("1.0.0", "operator", "deploy", "role_binding.yaml"):       {rbac + " RoleBinding " + solution},
		versionFile("2.0.0", "operator", "deploy", "role_binding.yaml"):       {rbac + " RoleBinding " + solution, rbac + " RoleBinding " + solution + "-view"},
		versionFile("1.0.0", "operator", "deploy", "service_account.yaml"):    {"v1 ServiceAccount " + solution},
		versionFile("2.0.0", "operator", "deploy", "service_account.yaml"):    {"v1 ServiceAccount " + solution},
		versionFile("1.0.0", "operator", "deploy", "operator.yaml"):           {"apps/v1 Deployment " + solution},
		versionFile("2.0.0", "operator", "deploy", "operator.yaml"):           {"apps/v1 Deployment " + solution},
		versionFile("1.0.0", "operator", "deploy", "crds", "example_cr.yaml"): {group + "/v1alpha1 Example sample"},
		versionFile("2.0.0", "operator", "deploy", "crds", "example_cr.yaml"): {group + "/v1beta1 Example sample"},
		filepath.Join("example-solution", "example.yaml"):                     {group + "/v1alpha1 Example hello"},
	} {
		var got []string
		for _, d := range documents(t, file) {
			got = append(got, d.APIVersion+" "+d.Kind+" "+d.Metadata.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// TestManifests: 1.0.0 leaves everything to the defaults, 2.0.0 says everything.
func TestManifests(t *testing.T) {
	image := func(name string) any { return map[string]any{"image": map[string]any{"name": name, "tag": "2.0.0"}} }
	for version, want := range map[string]map[string]any{
		"1.0.0": {"version": "1.0.0"},
		"2.0.0": {
			"version":         "2.0.0",
			"images":          []any{"example-app:2.0.0", "example-solution-operator:2.0.0", "example-solution-ui:2.0.0"},
			"operator":        image("example-solution-operator"),
			"ui":              image("example-solution-ui"),
			"customApiGroups": []any{group},
		},
	} {
		data, err := os.ReadFile(versionFile(version, "manifest.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Metadata struct{ Annotations map[string]string }
			Spec     map[string]any
		}
		if err := yaml.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Errorf("%s: spec (-want +got):\n%s", version, diff)
		}
		if name := got.Metadata.Annotations["solutions.metalk8s.scality.com/display-name"]; name != "Example Solution" {
			t.Errorf("%s: display name is %q", version, name)
		}
	}
}
