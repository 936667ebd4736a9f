// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestContentRoundTrip(t *testing.T) {
	for _, v := range []string{"1.0.0", "2.10.1-rc.1+b3"} {
		c := content(v)
		// Above what a float64 holds exactly.
		c.Images[0].Size = 1<<53 + 1
		c.Manifest["number"] = int64(1<<53 + 1)
		c.CRDs = []v1alpha1.CRD{{Name: "examples.example.com", Versions: []string{"v1"}, Storage: "v1"}}
		u, err := plan.ContentConfigMap(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := plan.DecodeContent(typed(t, u).(*corev1.ConfigMap))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%s: round trip (-want +got):\n%s", v, diff)
		}
	}
}

func TestContentConfigMap(t *testing.T) {
	u, err := plan.ContentConfigMap(content("1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	cm := typed(t, u).(*corev1.ConfigMap)
	if cm.Namespace != "metalk8s-solutions" || cm.Name != "solution-example-solution-1.0.0" {
		t.Errorf("it is %s/%s", cm.Namespace, cm.Name)
	}
	if cm.Immutable == nil || !*cm.Immutable {
		t.Error("it is not immutable")
	}
	if _, found := cm.Data["content.json"]; !found || len(cm.Data) != 1 {
		t.Errorf("data %v", cm.Data)
	}
	wantLabels := map[string]string{
		"app.kubernetes.io/part-of":               "metalk8s",
		"app.kubernetes.io/managed-by":            "kubectl-solution",
		"solutions.metalk8s.scality.com/solution": "example-solution",
	}
	if diff := cmp.Diff(wantLabels, cm.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	wantAnnotations := map[string]string{"solutions.metalk8s.scality.com/id": "example-solution-1.0.0"}
	if diff := cmp.Diff(wantAnnotations, cm.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestContentConfigMapLimit(t *testing.T) {
	sized := func(size int) *v1alpha1.Content {
		c := content("1.0.0")
		u, err := plan.ContentConfigMap(c)
		if err != nil {
			t.Fatal(err)
		}
		text := typed(t, u).(*corev1.ConfigMap).Data["content.json"]
		c.DisplayName += strings.Repeat("x", size-len(text)-len("content.json"))
		return c
	}
	if _, err := plan.ContentConfigMap(sized(limit)); err != nil {
		t.Error(err)
	}
	_, err := plan.ContentConfigMap(sized(limit + 1))
	checkError(t, err, "example-solution-1.0.0", "1032193 bytes", "1032192")
}

func TestContentErrors(t *testing.T) {
	_, err := plan.ContentConfigMap(nil)
	checkError(t, err, "without")
	_, err = plan.ContentConfigMap(&v1alpha1.Content{ID: "a-2", Name: "a", Version: "1"})
	checkError(t, err, "a-2", "a-1")
	_, err = plan.ContentConfigMap(&v1alpha1.Content{ID: "a-1", Name: "a", Version: "1", Manifest: map[string]any{"f": func() {}}})
	checkError(t, err, "a-1")
}

func TestDecodeContentErrors(t *testing.T) {
	for name, data := range map[string]map[string]string{
		"no key":   {"other": "{}"},
		"no JSON":  {"content.json": "{"},
		"empty":    {"content.json": "{}"},
		"null":     {"content.json": "null"},
		"other id": {"content.json": `{"id": "a-2", "name": "a", "version": "1"}`},
		"a list":   {"content.json": `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			cm := &corev1.ConfigMap{Data: data}
			cm.Namespace, cm.Name = "metalk8s-solutions", "solution-a-1"
			_, err := plan.DecodeContent(cm)
			checkError(t, err, "ConfigMap metalk8s-solutions/solution-a-1", "content")
		})
	}
	cm := &corev1.ConfigMap{Data: map[string]string{"content.json": `{"id": "a-1", "name": "a", "version": "1", "later": [{}]}`}}
	if _, err := plan.DecodeContent(cm); err != nil {
		t.Errorf("with an unknown field: %v", err)
	}
}
