// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// targets are those with a golden file.
func targets() map[string]plan.Target {
	return map[string]plan.Target{
		"full": target("1.0.0", nil),
		"operator-only": target("1.0.0", func(t *plan.Target) {
			t.Content.UI = nil
		}),
		"ui-only": target("1.0.0", func(t *plan.Target) {
			t.Content.Operator = nil
		}),
		"ui-deploy-false": target("1.0.0", func(t *plan.Target) {
			t.Content.UIDeploy = false
		}),
		"webhook": target("1.0.0", func(t *plan.Target) {
			t.Webhook = true
			t.Content.UI = nil
			t.Content.Roles = nil
		}),
		"ingress-class": target("1.0.0", func(t *plan.Target) {
			t.Content.Operator = nil
			t.IngressClass = "nginx-workload-plane"
		}),
		"two-versions": target("1.10.0", func(t *plan.Target) {
			t.Versions = append(t.Versions, version("1.9.0"))
			t.Content.UI = nil
		}),
		"odd-version": target("2.10.1-rc.1+b3", func(t *plan.Target) {
			t.Endpoint = "metalk8s-registry-from-config.invalid/mirror"
		}),
	}
}

func TestWorkloadGolden(t *testing.T) {
	for name, target := range targets() {
		t.Run(name, func(t *testing.T) {
			got := stream(t, workload(t, target))
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s differs (-want +got), see -update:\n%s", path, diff)
			}
		})
	}
}

// A golden file that no target has is one that nothing checks.
func TestGoldenFilesAreUsed(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for name := range targets() {
		want = append(want, filepath.Join("testdata", name+".yaml"))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("golden files (-want +got):\n%s", diff)
	}
}

// stream returns objects as a stream of YAML documents.
func stream(t *testing.T, objects []*unstructured.Unstructured) []byte {
	t.Helper()
	documents := make([][]byte, 0, len(objects))
	for _, u := range objects {
		document, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document)
	}
	return bytes.Join(documents, []byte("---\n"))
}
