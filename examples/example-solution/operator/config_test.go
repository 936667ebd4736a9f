// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goodConfig = `apiVersion: solutions.metalk8s.scality.com/v1alpha1
kind: OperatorConfig
repositories:
  1.0.0:
    - endpoint: registry:5000/example-solution-1.0.0
      images: [example-solution-operator:1.0.0, example-app:1.0.0]
  2.0.0:
    - endpoint: registry:5000/other
      images: [unrelated:1]
    - endpoint: registry:5000/example-solution-2.0.0
      images:
        - example-app:latest
        - example-app:2.0.0
  3.0.0:
    - endpoint: registry:5000/example-solution-3.0.0
      images: [example-solution-ui:3.0.0]
`

// mustDecode returns the configuration in text.
func mustDecode(t *testing.T, text string) operatorConfig {
	t.Helper()
	cfg, err := decodeConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDecodeConfig(t *testing.T) {
	want := operatorConfig{
		APIVersion: "solutions.metalk8s.scality.com/v1alpha1",
		Kind:       "OperatorConfig",
		Repositories: map[string][]repository{
			"1.0.0": {{Endpoint: "registry:5000/example-solution-1.0.0", Images: []string{"example-solution-operator:1.0.0", "example-app:1.0.0"}}},
			"2.0.0": {
				{Endpoint: "registry:5000/other", Images: []string{"unrelated:1"}},
				{Endpoint: "registry:5000/example-solution-2.0.0", Images: []string{"example-app:latest", "example-app:2.0.0"}},
			},
			"3.0.0": {{Endpoint: "registry:5000/example-solution-3.0.0", Images: []string{"example-solution-ui:3.0.0"}}},
		},
	}
	if diff := cmp.Diff(want, mustDecode(t, goodConfig)); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// TestVersionsAreText: 1.0 and 1.10 are numbers to YAML; what is written counts.
func TestVersionsAreText(t *testing.T) {
	text := strings.NewReplacer("1.0.0:\n", "1.10:\n", "2.0.0:\n", "1.0:\n", "3.0.0:\n", "2:\n").Replace(goodConfig)
	if diff := cmp.Diff([]string{"1.0", "1.10", "2"}, mustDecode(t, text).versions()); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestDecodeConfigErrors(t *testing.T) {
	const first = "repositories:\n  1.0.0:\n    - endpoint: registry:5000/example-solution-1.0.0\n"
	for _, tc := range []struct {
		name     string
		old, new string
		want     string
	}{
		{"empty", goodConfig, "", "it is empty"},
		{"no YAML", goodConfig, "a: b: c", "mapping values"},
		{"a list", goodConfig, "- a", "cannot unmarshal"},
		{"unknown field", "kind:", "extra: 1\nkind:", "field extra not found"},
		{"unknown field in a repository", "      images: [unrelated:1]", "      images: [unrelated:1]\n      insecure: true", "field insecure not found"},
		{"field in other case", "kind:", "Kind:", "field Kind not found"},
		{"field twice", "kind:", "kind: OperatorConfig\nkind:", "already defined"},
		{"version twice", "  2.0.0:\n", "  1.0.0:\n", "already defined"},
		{"second document", "", "", "more than one YAML document"},
		{"wrong kind", "OperatorConfig", "Operatorconfig", `kind is "Operatorconfig"`},
		{"no kind", "kind: OperatorConfig\n", "", `kind is ""`},
		{"wrong apiVersion", "scality.com/v1alpha1", "scality.com/v1", `/v1", want`},
		{"no apiVersion", "apiVersion: solutions.metalk8s.scality.com/v1alpha1\n", "", `apiVersion is ""`},
		{"no repositories", goodConfig[strings.Index(goodConfig, "repositories"):], "", "repositories is empty"},
		{"empty repositories", goodConfig[strings.Index(goodConfig, "repositories"):], "repositories: {}", "repositories is empty"},
		{"version with no list", first, "repositories:\n  0.9.0:\n" + first[len("repositories:\n"):], "repositories[0.9.0] is empty"},
		{"version with an empty list", first, "repositories:\n  0.9.0: []\n" + first[len("repositories:\n"):], "repositories[0.9.0] is empty"},
		{"version with no name", "  2.0.0:", `  "":`, "no name"},
		{"empty images", "[unrelated:1]", "[]", "repositories[2.0.0][0]: images is empty"},
		{"no images", "      images: [unrelated:1]\n", "", "repositories[2.0.0][0]: images is empty"},
		{"no endpoint", "- endpoint: registry:5000/other\n      images", "- images", "endpoint is empty"},
		{"no tag", "unrelated:1", "unrelated", `image "unrelated" is no name:tag`},
		{"empty tag", "unrelated:1", `"unrelated:"`, "is no name:tag"},
		{"images is text", "[unrelated:1]", "unrelated:1", "cannot unmarshal"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(goodConfig, tc.old, tc.new, 1)
			if tc.name == "second document" {
				text = goodConfig + "---\n" + goodConfig
			}
			if text == goodConfig {
				t.Fatal("the case changes nothing")
			}
			_, err := decodeConfig([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q; from\n%s", err, tc.want, text)
			}
		})
	}
}

func TestLoadConfigNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "operator.yaml")
	if _, err := loadConfig(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("absent file: error is %v, want one with %s", err, file)
	}
	if err := os.WriteFile(file, []byte("kind: Other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadConfig(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("wrong file: error is %v, want one with %s", err, file)
	}
}

func TestImageOfAVersion(t *testing.T) {
	cfg := mustDecode(t, goodConfig)
	for _, tc := range []struct{ version, name, want string }{
		{"1.0.0", "example-app", "registry:5000/example-solution-1.0.0/example-app:1.0.0"},
		{"2.0.0", "example-app", "registry:5000/example-solution-2.0.0/example-app:2.0.0"}, // not the tag latest
		{"2.0.0", "unrelated", "registry:5000/other/unrelated:1"},
		{"1.0.0", "example", ""},
		{"3.0.0", "example-app", ""},
		{"4.0.0", "example-app", ""},
	} {
		if got := cfg.image(tc.version, tc.name); got != tc.want {
			t.Errorf("image(%s, %s) = %q, want %q", tc.version, tc.name, got, tc.want)
		}
	}
}
