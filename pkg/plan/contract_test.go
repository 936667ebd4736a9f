// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// These tests tell what clusters and operators in the field rely on, written
// out by hand: a golden file that is updated cannot hide an error in it.

func TestObjectsAndOrder(t *testing.T) {
	operator := []string{
		"Role staging-ns/example-role",
		"ServiceAccount staging-ns/example-solution-operator",
		"RoleBinding staging-ns/example-solution-operator-clusterrole-example-nodes",
		"RoleBinding staging-ns/example-solution-operator-role-example-role",
		"ConfigMap staging-ns/example-solution-operator-config",
		"Deployment staging-ns/example-solution-operator",
	}
	ui := []string{
		"ConfigMap staging-ns/example-solution-ui",
		"Deployment staging-ns/example-solution-ui",
		"Service staging-ns/example-solution-ui",
		"Ingress staging-ns/example-solution-ui",
	}
	full := []string{
		operator[0], operator[1], operator[2], operator[3],
		operator[4], ui[0], operator[5], ui[1], ui[2], ui[3],
	}
	for name, want := range map[string][]string{
		"full": full, "odd-version": full, "operator-only": operator, "ui-only": ui, "ui-deploy-false": operator,
	} {
		if diff := cmp.Diff(want, titles(workload(t, targets()[name]))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	none := target("1.0.0", func(t *plan.Target) { t.Content.Operator, t.Content.UI, t.Versions = nil, nil, nil })
	if got := titles(workload(t, none)); len(got) != 0 {
		t.Errorf("with neither Operator nor UI: %q", got)
	}
}

func TestEveryObject(t *testing.T) {
	for name, target := range targets() {
		for _, u := range workload(t, target) {
			title := name + ": " + u.GetKind() + " " + u.GetName()
			typed(t, u)
			for _, path := range nulls(u.Object, "") {
				t.Errorf("%s: null at %s", title, path)
			}
			if _, found := u.Object["status"]; found {
				t.Errorf("%s has a status", title)
			}
			component := "operator"
			if u.GetName() == "example-solution-ui" {
				component = "ui"
			}
			want := podLabels(component, map[string]string{"odd-version": "2.10.1-rc.1_b3", "two-versions": "1.10.0"}[name])
			want["app.kubernetes.io/managed-by"] = "kubectl-solution"
			if u.GetKind() == "Role" {
				want["own"] = "label"
			}
			if diff := cmp.Diff(want, u.GetLabels()); diff != "" {
				t.Errorf("%s: labels (-want +got):\n%s", title, diff)
			}
		}
	}
}

func podLabels(component, version string) map[string]string {
	if version == "" {
		version = "1.0.0"
	}
	return map[string]string{
		"app":                         "example-solution-" + component,
		"app.kubernetes.io/name":      "example-solution-" + component,
		"app.kubernetes.io/instance":  "example-solution-" + component,
		"app.kubernetes.io/version":   version,
		"app.kubernetes.io/component": component,
		"app.kubernetes.io/part-of":   "example-solution",
	}
}

// nulls returns the paths of null values.
func nulls(v any, path string) []string {
	var paths []string
	switch v := v.(type) {
	case nil:
		return []string{path}
	case map[string]any:
		for key, item := range v {
			paths = append(paths, nulls(item, path+"."+key)...)
		}
	case []any:
		for i, item := range v {
			paths = append(paths, nulls(item, fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return paths
}

func TestRolesKeepNothingElse(t *testing.T) {
	objects := workload(t, targets()["full"])
	u := unstructuredOf(t, objects, "Role", "example-role")
	for key := range u.Object["metadata"].(map[string]any) {
		if !slices.Contains([]string{"name", "namespace", "labels", "annotations"}, key) {
			t.Errorf("it keeps metadata.%s", key)
		}
	}
}

func TestUIConfigIsJSON(t *testing.T) {
	cm := find[*corev1.ConfigMap](t, workload(t, targets()["ui-only"]), "example-solution-ui")
	if len(cm.Data) != 2 {
		t.Errorf("%d keys, and there are config.json and theme.json", len(cm.Data))
	}
	for _, key := range []string{"config.json", "theme.json"} {
		var v map[string]any
		if err := json.Unmarshal([]byte(cm.Data[key]), &v); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestWebhook(t *testing.T) {
	const name = "example-solution-operator"
	d := find[*appsv1.Deployment](t, workload(t, targets()["webhook"]), name)
	pod := d.Spec.Template.Spec
	if n := len(pod.Volumes); n != 2 || pod.Volumes[1].Secret == nil || pod.Volumes[1].Secret.SecretName != "example-solution-cert" {
		t.Errorf("volumes %v", pod.Volumes)
	}
	want := []corev1.VolumeMount{
		{Name: "config", MountPath: "/etc/config", ReadOnly: true},
		{Name: pod.Volumes[1].Name, MountPath: "/cert", ReadOnly: true},
	}
	if diff := cmp.Diff(want, pod.Containers[0].VolumeMounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestIngressClass(t *testing.T) {
	ingress := find[*networkingv1.Ingress](t, workload(t, targets()["ingress-class"]), "example-solution-ui")
	if got := *ingress.Spec.IngressClassName; got != "nginx-workload-plane" {
		t.Errorf("class %s", got)
	}
}

// The repository and the OperatorConfig have the version as it is written;
// only the label, which cannot, has it otherwise.
func TestOddVersion(t *testing.T) {
	d := find[*appsv1.Deployment](t, workload(t, targets()["odd-version"]), "example-solution-operator")
	want := "metalk8s-registry-from-config.invalid/mirror/example-solution-2.10.1-rc.1+b3/example-solution-operator:1.0.0@" + digest("a")
	if got := d.Spec.Template.Spec.Containers[0].Image; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
}

func TestPodLabels(t *testing.T) {
	for _, component := range []string{"operator", "ui"} {
		d := find[*appsv1.Deployment](t, workload(t, targets()["full"]), "example-solution-"+component)
		if diff := cmp.Diff(podLabels(component, ""), d.Spec.Template.Labels); diff != "" {
			t.Errorf("%s (-want +got):\n%s", component, diff)
		}
	}
}

// Pods restart where the OperatorConfig differs, and only there.
func TestConfigDigest(t *testing.T) {
	const annotation = "solutions.metalk8s.scality.com/config-digest"
	digestOf := func(target plan.Target) string {
		d := find[*appsv1.Deployment](t, workload(t, target), "example-solution-operator")
		return d.Spec.Template.Annotations[annotation]
	}
	first := digestOf(target("1.0.0", nil))
	if len(first) != 16 {
		t.Errorf("digest %q is not 16 digits long", first)
	}
	if got := digestOf(target("1.0.0", func(t *plan.Target) { t.Namespace, t.Webhook = "other", true })); got != first {
		t.Errorf("digest %s, and the configuration is that of %s", got, first)
	}
	if got := digestOf(target("1.0.0", func(t *plan.Target) { t.Versions = append(t.Versions, version("1.1.0")) })); got == first {
		t.Errorf("a version more, and the digest is still %s", got)
	}
}

// Preparing an Environment writes into its namespaces only: ClusterRoles are
// for a cluster administrator.
func TestWorkloadIsInItsNamespace(t *testing.T) {
	for name, target := range targets() {
		for _, u := range workload(t, target) {
			if u.GetNamespace() != "staging-ns" || u.GetKind() == "ClusterRole" || u.GetKind() == "ClusterRoleBinding" {
				t.Errorf("%s: %s %s in namespace %q", name, u.GetKind(), u.GetName(), u.GetNamespace())
			}
		}
	}
}
