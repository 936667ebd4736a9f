// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// oldRecord is one as older tooling writes it, with blanks after separators.
const oldRecord = `[{"name": "Example Solution", "id": "example-solution-1.0.0", "version": "1.0.0", "active": true,
  "archive": "/solutions/example.iso", "mountpoint": "/srv/scality/example-solution-1.0.0",
  "manifest": {"apiVersion": "solutions.metalk8s.scality.com/v1alpha1", "kind": "Solution",
    "metadata": {"name": "example-solution", "labels": {}},
    "spec": {"version": "1.0.0", "images": ["some-image:2.0.0"], "unknown": [9007199254740993, 0.5, null, true, "a<b>&c"]}}}]`

func record(v string) v1alpha1.SolutionRecord {
	return v1alpha1.SolutionRecord{
		Name: "Example", ID: "example-" + v, Version: v, Archive: "/example-" + v + ".iso",
		Manifest: map[string]any{"kind": "Solution"},
	}
}

func TestDecodeOldRecords(t *testing.T) {
	records, err := plan.DecodeRecords(map[string]string{"example-solution": oldRecord})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]v1alpha1.SolutionRecord{"example-solution": {{
		Name: "Example Solution", ID: "example-solution-1.0.0", Version: "1.0.0", Active: true,
		Archive: "/solutions/example.iso", Mountpoint: "/srv/scality/example-solution-1.0.0",
		Manifest: map[string]any{
			"apiVersion": "solutions.metalk8s.scality.com/v1alpha1", "kind": "Solution",
			"metadata": map[string]any{"name": "example-solution", "labels": map[string]any{}},
			"spec": map[string]any{
				"version": "1.0.0", "images": []any{"some-image:2.0.0"},
				"unknown": []any{int64(9007199254740993), 0.5, nil, true, "a<b>&c"},
			},
		},
	}}}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The bytes are what others read: only the blanks between tokens, and the
// order of keys in the manifest, may differ from the old.
func TestRecordsRoundTrip(t *testing.T) {
	records, err := plan.DecodeRecords(map[string]string{"example-solution": oldRecord})
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.EncodeRecords(records)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"Example Solution","id":"example-solution-1.0.0","version":"1.0.0","active":true,` +
		`"archive":"/solutions/example.iso","mountpoint":"/srv/scality/example-solution-1.0.0",` +
		`"manifest":{"apiVersion":"solutions.metalk8s.scality.com/v1alpha1","kind":"Solution",` +
		`"metadata":{"labels":{},"name":"example-solution"},` +
		`"spec":{"images":["some-image:2.0.0"],"unknown":[9007199254740993,0.5,null,true,"a<b>&c"],"version":"1.0.0"}}}]`
	if diff := cmp.Diff(map[string]string{"example-solution": want}, data); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := plan.DecodeRecords(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, again); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestRecordsAreSorted(t *testing.T) {
	list := []v1alpha1.SolutionRecord{record("1.10.0"), record("1.9.0"), record("1.10.0-rc.1")}
	before := slices.Clone(list)
	data, err := plan.EncodeRecords(map[string][]v1alpha1.SolutionRecord{"example": list, "none": {}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, list); diff != "" {
		t.Errorf("the argument changed (-before +after):\n%s", diff)
	}
	if _, found := data["none"]; found || len(data) != 1 {
		t.Errorf("keys for Solutions without a version: %v", data)
	}
	last := 0
	for _, v := range []string{`"1.9.0"`, `"1.10.0-rc.1"`, `"1.10.0"`} {
		i := strings.Index(data["example"], v)
		if i <= last {
			t.Errorf("%s is at %d, after %d is due, in %s", v, i, last, data["example"])
		}
		last = i
	}
	data["example"] = `[{"version": "1.10.0"}, {"version": "1.9.0"}]`
	records, err := plan.DecodeRecords(data)
	if err != nil {
		t.Fatal(err)
	}
	if records["example"][0].Version != "1.9.0" {
		t.Errorf("decoded %v", records)
	}
}

func TestDecodeRecordsTolerates(t *testing.T) {
	records, err := plan.DecodeRecords(map[string]string{
		"a": `[{"version": "1", "extra": {"x": [1]}, "mountpoint": null, "manifest": null}]`,
		"b": `[]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]v1alpha1.SolutionRecord{"a": {{Version: "1"}}, "b": {}}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeRecordsErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty":        ``,
		"no JSON":      `{]`,
		"no list":      `{"version": "1"}`,
		"cut":          oldRecord[:len(oldRecord)-5],
		"trailing":     `[] []`,
		"not a string": `[{"version": 1.0}]`,
		"no version":   `[{"version": "1"}, {"name": "x"}]`,
		"null item":    `[null]`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.DecodeRecords(map[string]string{"good": "[]", "the-key": text})
			checkError(t, err, "key the-key of ConfigMap metalk8s-solutions")
		})
	}
}

func TestEncodeRecordsErrors(t *testing.T) {
	bad := record("1.0.0")
	bad.Manifest = map[string]any{"n": math.NaN()}
	for name, c := range map[string]struct {
		records map[string][]v1alpha1.SolutionRecord
		want    []string
	}{
		"twice":    {map[string][]v1alpha1.SolutionRecord{"example": {record("1.0.0"), record("1.0.0")}}, []string{"example", "1.0.0", "twice"}},
		"bad name": {map[string][]v1alpha1.SolutionRecord{"a b": {record("1.0.0")}}, []string{"a b"}},
		"no JSON":  {map[string][]v1alpha1.SolutionRecord{"example": {bad}}, []string{"example", "NaN"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.EncodeRecords(c.records)
			checkError(t, err, c.want...)
		})
	}
}

// limit is the room that data has: 1 MiB less 16 KiB.
const limit = 1048576 - 16384

// pad returns records of n versions that take exactly size bytes in all.
func pad(t *testing.T, n, size int) map[string][]v1alpha1.SolutionRecord {
	t.Helper()
	records := map[string][]v1alpha1.SolutionRecord{"example": {}, "other": {record("1.0.0")}}
	for i := range n - 1 {
		records["example"] = append(records["example"], record("1."+strconv.Itoa(i)+".0"))
	}
	data, err := plan.EncodeRecords(records)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range data {
		size -= len(key) + len(value)
	}
	records["other"][0].Archive += strings.Repeat("x", size)
	return records
}

func TestEncodeRecordsLimit(t *testing.T) {
	data, err := plan.EncodeRecords(pad(t, 700, limit))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for key, value := range data {
		total += len(key) + len(value)
	}
	if total != limit {
		t.Errorf("%d bytes, and the test is about %d", total, limit)
	}
	data, err = plan.EncodeRecords(pad(t, 700, limit+1))
	checkError(t, err, "700 imported versions", "1032193 bytes", "1032192", "metalk8s-solutions")
	if data != nil {
		t.Error("an error, and data")
	}
	if _, err := plan.SolutionsConfigMap(pad(t, 2, limit+1), ""); err == nil {
		t.Error("no error of SolutionsConfigMap")
	}
}

func TestSolutionsConfigMap(t *testing.T) {
	records := map[string][]v1alpha1.SolutionRecord{"example": {record("1.0.0")}}
	u, err := plan.SolutionsConfigMap(records, "registry:5000")
	if err != nil {
		t.Fatal(err)
	}
	cm := typed(t, u).(*corev1.ConfigMap)
	if cm.Namespace != "metalk8s-solutions" || cm.Name != "metalk8s-solutions" {
		t.Errorf("it is %s/%s", cm.Namespace, cm.Name)
	}
	if got := cm.Annotations["solutions.metalk8s.scality.com/registry-endpoint"]; got != "registry:5000" {
		t.Errorf("endpoint %q", got)
	}
	again, err := plan.DecodeRecords(cm.Data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, again); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
	if u, err = plan.SolutionsConfigMap(nil, ""); err != nil || len(u.GetAnnotations()) != 0 {
		t.Errorf("with nothing: %v, %v", u, err)
	}
	_, err = plan.SolutionsConfigMap(records, "http://registry")
	checkError(t, err, "http://registry")
}
