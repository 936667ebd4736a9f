// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

func TestWorkloadIsDeterministicAndPure(t *testing.T) {
	build := func() plan.Target {
		return target("1.0.0", func(t *plan.Target) {
			t.Versions = append(t.Versions, version("0.9.0"), version("1.1.0"), version("1.10.0"))
		})
	}
	argument := build()
	want := stream(t, workload(t, argument))
	if diff := cmp.Diff(build(), argument); diff != "" {
		t.Errorf("the argument changed (-before +after):\n%s", diff)
	}
	for range 20 {
		other := build()
		slices.Reverse(other.Versions)
		slices.Reverse(other.Versions[0].Images)
		if diff := cmp.Diff(string(want), string(stream(t, workload(t, other)))); diff != "" {
			t.Fatalf("another order of versions and images gives (-want +got):\n%s", diff)
		}
	}
}

// What Workload returns shares nothing with its argument.
func TestWorkloadIsACopy(t *testing.T) {
	argument := target("1.0.0", nil)
	for _, u := range workload(t, argument) {
		wipe(u.Object)
	}
	if diff := cmp.Diff(target("1.0.0", nil), argument); diff != "" {
		t.Errorf("the argument changed (-before +after):\n%s", diff)
	}
}

// wipe empties v and all that is in it.
func wipe(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			wipe(item)
		}
		clear(v)
	case []any:
		for _, item := range v {
			wipe(item)
		}
		clear(v)
	}
}

func TestWorkloadMakesNoOtherKinds(t *testing.T) {
	seen := map[string]bool{}
	kinds := plan.WorkloadKinds()
	for _, target := range targets() {
		for _, u := range workload(t, target) {
			seen[u.GetKind()] = true
			if !slices.Contains(kinds, u.GroupVersionKind()) {
				t.Errorf("%s is not among WorkloadKinds", u.GroupVersionKind())
			}
		}
	}
	if len(seen) != 7 || len(kinds) != 7 {
		t.Errorf("%d kinds made, %d told", len(seen), len(kinds))
	}
}

func TestWorkloadErrors(t *testing.T) {
	long := strings.Repeat("a", 55)
	rename := func(name string) func(*plan.Target) {
		return func(t *plan.Target) { t.Content.Name, t.Content.ID = name, name+"-1.0.0" }
	}
	for name, c := range map[string]struct {
		change func(*plan.Target)
		want   []string
	}{
		"no content":        {func(t *plan.Target) { t.Content = nil }, []string{"no content"}},
		"bad name":          {rename("Example"), []string{"Example"}},
		"other id":          {func(t *plan.Target) { t.Content.ID = "x-1" }, []string{"x-1", "example-solution-1.0.0"}},
		"no version":        {func(t *plan.Target) { t.Content.Version, t.Content.ID = "", "example-solution-" }, []string{"version"}},
		"long name":         {rename(long), []string{long + "-operator", "64", "63"}},
		"bad namespace":     {func(t *plan.Target) { t.Namespace = "a.b" }, []string{"a.b"}},
		"no namespace":      {func(t *plan.Target) { t.Namespace = "" }, []string{"namespace"}},
		"no environment":    {func(t *plan.Target) { t.Environment = "" }, []string{"environment"}},
		"bad environment":   {func(t *plan.Target) { t.Environment = "a(b|c)" }, []string{"a(b|c)"}},
		"bad class":         {func(t *plan.Target) { t.IngressClass = "A_b" }, []string{"A_b"}},
		"no endpoint":       {func(t *plan.Target) { t.Endpoint = "" }, []string{"endpoint"}},
		"endpoint is a URL": {func(t *plan.Target) { t.Endpoint = "https://r.example.com" }, []string{"https://r.example.com"}},
		"endpoint and /":    {func(t *plan.Target) { t.Endpoint = "r.example.com/" }, []string{"r.example.com/"}},
		"bad digest":        {func(t *plan.Target) { t.Content.Images[0].Digest = "sha256:12" }, []string{"example-solution-operator:1.0.0", "sha256:12"}},
		"bad image":         {func(t *plan.Target) { t.Content.UI.Name = "a b" }, []string{"a b"}},
		"image without tag": {func(t *plan.Target) { t.Content.Operator.Tag = "" }, []string{"example-solution-operator"}},
		"not imported":      {func(t *plan.Target) { t.Versions = []plan.Version{version("1.1.0")} }, []string{"1.0.0", "example-solution", "not imported"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := plan.Workload(target("1.0.0", c.change))
			checkError(t, err, c.want...)
			if objects != nil {
				t.Errorf("an error, and objects: %q", titles(objects))
			}
		})
	}
}

// The longest names that fit: <name>-operator and <name>-ui have 63 characters.
func TestLongestNames(t *testing.T) {
	for name, c := range map[string]struct {
		length     int
		withoutUI  bool
		withoutOps bool
	}{
		"operator": {length: 54, withoutUI: true},
		"ui":       {length: 60, withoutOps: true},
	} {
		change := func(length int) plan.Target {
			return target("1.0.0", func(t *plan.Target) {
				t.Content.Name = strings.Repeat("a", length)
				t.Content.ID = t.Content.Name + "-1.0.0"
				t.Content.Roles = nil
				if c.withoutUI {
					t.Content.UI = nil
				}
				if c.withoutOps {
					t.Content.Operator = nil
				}
			})
		}
		if _, err := plan.Workload(change(c.length)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := plan.Workload(change(c.length + 1))
		checkError(t, err, "-"+name+" is 64 characters long")
	}
}

func TestEndpoints(t *testing.T) {
	for _, endpoint := range []string{
		v1alpha1.DefaultRegistryEndpoint, "10.0.0.1:5000", "[fd00::1]:5000", "registry/some/path", "localhost",
	} {
		if _, err := plan.Workload(target("1.0.0", func(t *plan.Target) { t.Endpoint = endpoint })); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// A manifest may list images, and not that of its Operator: then the digest is
// not known.
func TestImageWithoutDigest(t *testing.T) {
	objects := workload(t, target("1.0.0", func(t *plan.Target) { t.Content.Images = nil }))
	d := find[*appsv1.Deployment](t, objects, "example-solution-operator")
	want := "registry.example.com:5000/example-solution-1.0.0/example-solution-operator:1.0.0"
	if got := d.Spec.Template.Spec.Containers[0].Image; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
}

func withRoles(documents ...map[string]any) plan.Target {
	return target("1.0.0", func(t *plan.Target) { t.Content.Roles = documents })
}

func TestRoleErrors(t *testing.T) {
	with := func(document map[string]any, key string, value any) map[string]any {
		document[key] = value
		return document
	}
	for name, c := range map[string]struct {
		documents []map[string]any
		want      []string
	}{
		"another kind":   {[]map[string]any{role("a"), with(role("b"), "kind", "RoleBinding")}, []string{"document 2", "RoleBinding"}},
		"no kind":        {[]map[string]any{{}}, []string{"document 1", "kind"}},
		"null":           {[]map[string]any{nil}, []string{"document 1", "kind"}},
		"another API":    {[]map[string]any{with(role("a"), "apiVersion", "rbac.authorization.k8s.io/v1beta1")}, []string{"v1beta1"}},
		"no name":        {[]map[string]any{with(role("a"), "metadata", map[string]any{})}, []string{"document 1", "metadata.name"}},
		"no metadata":    {[]map[string]any{with(role("a"), "metadata", nil)}, []string{"metadata.name"}},
		"bad name":       {[]map[string]any{role("a/b")}, []string{"a/b"}},
		"rules no list":  {[]map[string]any{with(role("a"), "rules", "all")}, []string{"document 1", "Role"}},
		"metadata a num": {[]map[string]any{with(role("a"), "metadata", int64(3))}, []string{"document 1", "Role"}},
		"twice":          {[]map[string]any{role("a"), clusterRole("a"), role("a")}, []string{"Role a", "twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Workload(withRoles(c.documents...))
			checkError(t, err, append(c.want, "example-solution")...)
		})
	}
}

func TestSecretOfWebhookOnlyWithOption(t *testing.T) {
	for _, u := range workload(t, targets()["full"]) {
		if d, ok := typed(t, u).(*appsv1.Deployment); ok {
			for _, v := range d.Spec.Template.Spec.Volumes {
				if v.VolumeSource.ConfigMap == nil || v.VolumeSource != (corev1.VolumeSource{ConfigMap: v.ConfigMap}) {
					t.Errorf("%s mounts %v", d.Name, v)
				}
			}
		}
	}
}
