// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCRDConversionURL(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                   ``,
		`spec: {conversion: {strategy: None}}`: ``,
		`spec: {conversion: {webhook: {clientConfig: {service: {name: a}}}}}`:          ``,
		`spec: {conversion: {webhook: {clientConfig: {url: "https://example.com/"}}}}`: `https://example.com/`,
		`spec: {conversion: {webhook: {clientConfig: {url: {a: b}}}}}`:                 ``,
		`spec: {conversion: [a]}`: ``,
	} {
		if got := CRDConversionURL(object(t, text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestCRDUnapprovedGroup(t *testing.T) {
	for _, c := range []struct {
		group, annotation string
		unapproved        bool
	}{
		{"example.com", "", false},
		{"k8s.io.example.com", "", false},
		{"notk8s.io", "", false},
		{"k8s.io", "", true},
		{"a.k8s.io", "", true},
		{"kubernetes.io", "", true},
		{"a.b.kubernetes.io", "", true},
		{"a.k8s.io", "unapproved, of a vendor", true},
		{"a.k8s.io", "unapproved://example.com/1", true},
		{"a.k8s.io", "approved", true},
		{"a.k8s.io", "/pull/1111", true},
		{"a.k8s.io", "https:///pull/1111", true},
		{"a.k8s.io", "https://github.com/kubernetes/enhancements/pull/1111", false},
	} {
		crd := map[string]any{
			"spec":     map[string]any{"group": c.group},
			"metadata": map[string]any{"annotations": map[string]any{"api-approved.kubernetes.io": c.annotation}},
		}
		want := ""
		if c.unapproved {
			want = c.group
		}
		if got := CRDUnapprovedGroup(crd); got != want {
			t.Errorf("group %s, annotation %q: got %q, want %q", c.group, c.annotation, got, want)
		}
	}
	if got := CRDUnapprovedGroup(object(t, `{spec: {group: a.k8s.io}, metadata: {annotations: a}}`)); got != "a.k8s.io" {
		t.Errorf("got %q", got)
	}
}

func TestCRDDigest(t *testing.T) {
	a, b := object(t, `{a: {b: 1, c: [x]}}`), object(t, "a:\n  c:\n  - x\n  b: 1\n")
	// printf '{"a":{"b":1,"c":["x"]}}' | sha256sum
	const want = "sha256:887d3bb639a9206b7cd31006489dd0ae29aaf6583949203b895198a7456093d8"
	if CRDDigest(a) != want || CRDDigest(b) != want {
		t.Errorf("got %s and %s, want %s", CRDDigest(a), CRDDigest(b), want)
	}
	if got := CRDDigest(object(t, `{a: {b: 1, c: [y]}}`)); got == want || !strings.HasPrefix(got, "sha256:") {
		t.Errorf("another document has digest %s", got)
	}
	if got := CRDDigest(map[string]any{"a": make(chan int)}); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestOwnGroups(t *testing.T) {
	crds := []CRD{{Group: "b.example.com"}, {Group: "a.example.com"}, {Group: "b.example.com"}, {}, {Group: "rbac.authorization.k8s.io"}, {Group: "x.kubernetes.io"}}
	if diff := cmp.Diff([]string{"a.example.com", "b.example.com"}, OwnGroups(crds)); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// What earlier versions recorded of a CRD is read, and written as it was.
func TestCRDRecord(t *testing.T) {
	const earlier = `{"name":"a.b","path":"c","apiVersion":"v1","group":"b","kind":"A","plural":"a","namespaced":true,"versions":["v1"],"storage":"v1"}`
	var crd CRD
	if err := json.Unmarshal([]byte(earlier), &crd); err != nil {
		t.Fatal(err)
	}
	if crd.Storage != "v1" || crd.Digest != "" || crd.Served != nil {
		t.Errorf("read %+v", crd)
	}
	data, err := json.Marshal(crd)
	if err != nil || string(data) != earlier {
		t.Errorf("written %s, %v", data, err)
	}
}
