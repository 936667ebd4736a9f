// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// metadata reads "<namespace>/<name> <Solution> <version> <component> <digest>",
// where "-" stands for nothing.
func metadata(text string) metav1.PartialObjectMetadata {
	words := strings.Fields(text + " - - - -")
	o := metav1.PartialObjectMetadata{}
	o.Namespace, o.Name, _ = strings.Cut(words[0], "/")
	o.Labels, o.Annotations = map[string]string{}, map[string]string{}
	for i, key := range []string{v1alpha1.PartOfLabel, v1alpha1.VersionLabel, v1alpha1.ComponentLabel} {
		if words[i+1] != "-" {
			o.Labels[key] = words[i+1]
		}
	}
	if words[4] != "-" {
		o.Annotations[v1alpha1.ConfigDigestAnnotation] = words[4]
	}
	return o
}

func TestRunning(t *testing.T) {
	environments := []cluster.Environment{
		environment("prod", map[string]string{"prod": "storage@3.0.0"}),
		environment("Staging", map[string]string{"staging": ""}),
		environment("gone", map[string]string{"gone": ""}),
	}
	now := metav1.Now()
	environments[2].Namespaces[0].Namespace.DeletionTimestamp = &now
	deleted := metadata("prod/web-operator web 1.0.0 operator d1")
	deleted.DeletionTimestamp = &now
	records := map[string][]v1alpha1.SolutionRecord{"storage": {{Version: "1.0.0"}, {Version: "2.0.0+b3"}}}
	none := plan.Use{}
	for name, tt := range map[string]struct {
		deployment metav1.PartialObjectMetadata
		configs    []metav1.PartialObjectMetadata
		use        plan.Use
		operators  []plan.Operator
	}{
		"an Operator": {
			metadata("prod/storage-operator storage 1.0.0 operator d1"),
			[]metav1.PartialObjectMetadata{metadata("prod/storage-operator-config storage 1.0.0 operator d2")},
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "1.0.0"},
			[]plan.Operator{{Environment: "prod", Namespace: "prod", Solution: "storage", Digest: "d1", ConfigDigest: "d2"}},
		},
		"digests that are not known": {
			metadata("staging/storage-operator storage 1.0.0 operator"),
			[]metav1.PartialObjectMetadata{metadata("staging/storage-operator-config storage 1.0.0 operator")},
			plan.Use{Environment: "Staging", Namespace: "staging", Solution: "storage", Version: "1.0.0"},
			[]plan.Operator{{Environment: "Staging", Namespace: "staging", Solution: "storage"}},
		},
		"a version that is no label": {
			metadata("prod/storage-operator storage 2.0.0_b3 operator"), nil,
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "2.0.0+b3"},
			nil,
		},
		"a version that is not imported": {
			metadata("prod/storage-operator storage 0.9.0 operator"), nil,
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "0.9.0"},
			nil,
		},
		"a UI": {
			metadata("prod/storage-ui storage 1.0.0 ui"),
			[]metav1.PartialObjectMetadata{metadata("prod/storage-operator-config storage 1.0.0 operator")},
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "1.0.0"},
			nil,
		},
		"an Operator whose configuration is elsewhere": {
			metadata("prod/storage-operator storage 1.0.0 operator"),
			[]metav1.PartialObjectMetadata{metadata("staging/storage-operator-config storage 1.0.0 operator")},
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "1.0.0"},
			nil,
		},
		"a Deployment of another name": {
			metadata("prod/other storage 1.0.0 operator"),
			[]metav1.PartialObjectMetadata{metadata("prod/storage-operator-config storage 1.0.0 operator")},
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "storage", Version: "1.0.0"},
			nil,
		},
		"one that is being deleted": {
			deleted,
			[]metav1.PartialObjectMetadata{metadata("prod/web-operator-config web 1.0.0 operator")},
			plan.Use{Environment: "prod", Namespace: "prod", Solution: "web", Version: "1.0.0"},
			nil,
		},
		"one in a namespace that is being deleted": {
			metadata("gone/storage-operator storage 1.0.0 operator"),
			[]metav1.PartialObjectMetadata{metadata("gone/storage-operator-config storage 1.0.0 operator")},
			plan.Use{Environment: "gone", Namespace: "gone", Solution: "storage", Version: "1.0.0"},
			nil,
		},
		"one outside of Environments": {metadata("default/storage-operator storage 1.0.0 operator"), []metav1.PartialObjectMetadata{metadata("default/storage-operator-config storage 1.0.0 operator")}, none, nil},
	} {
		operators, uses := cluster.Running(environments, []metav1.PartialObjectMetadata{tt.deployment}, tt.configs, records, nil)
		want := []plan.Use{tt.use}
		if tt.use == none {
			want = nil
		}
		if diff := cmp.Diff(want, uses); diff != "" {
			t.Errorf("%s: uses -want +got:\n%s", name, diff)
		}
		if diff := cmp.Diff(tt.operators, operators); diff != "" {
			t.Errorf("%s: Operators -want +got:\n%s", name, diff)
		}
	}
}

// Of a version that deploys nothing, only its Environment's wish tells that it is
// used; of any other the wish tells nothing.
func TestUsesByWish(t *testing.T) {
	image := &v1alpha1.ImageName{Name: "i", Tag: "1"}
	environments := []cluster.Environment{environment("e", map[string]string{"e": "storage@1.0.0"})}
	wished := []plan.Use{{Environment: "e", Namespace: "e", Solution: "storage", Version: "1.0.0"}}
	for name, tt := range map[string]struct {
		content *v1alpha1.Content
		want    []plan.Use
	}{
		"an Operator":               {&v1alpha1.Content{Operator: image}, nil},
		"a UI":                      {&v1alpha1.Content{UI: image, UIDeploy: true}, nil},
		"a UI that is not deployed": {&v1alpha1.Content{UI: image}, wished},
		"neither":                   {&v1alpha1.Content{UIDeploy: true}, wished},
		"not known":                 {nil, nil},
	} {
		contents := map[plan.VersionKey]*v1alpha1.Content{{Name: "storage", Version: "1.0.0"}: tt.content}
		_, uses := cluster.Running(environments, nil, nil, nil, contents)
		if diff := cmp.Diff(tt.want, uses); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	// What runs and is wished counts once.
	deployments := []metav1.PartialObjectMetadata{metadata("e/storage-operator storage 1.0.0 operator"), metadata("e/storage-ui storage 1.0.0 ui")}
	contents := map[plan.VersionKey]*v1alpha1.Content{{Name: "storage", Version: "1.0.0"}: {}}
	if _, uses := cluster.Running(environments, deployments, nil, nil, contents); len(uses) != 1 {
		t.Errorf("%+v", uses)
	}
}

func TestLabelledVersion(t *testing.T) {
	long := strings.Repeat("1", 70)
	records := []v1alpha1.SolutionRecord{{Version: "1.0.0"}, {Version: "1.0.0+b3"}, {Version: "1.0.0~rc"}, {Version: long}}
	for label, want := range map[string]string{
		"1.0.0": "1.0.0", "1.0.0_b3": "1.0.0+b3", "1.0.0_rc": "1.0.0~rc", long[:63]: long, "2.0.0_b3": "2.0.0_b3", "": "",
	} {
		if got := cluster.LabelledVersion(records, label); got != want {
			t.Errorf("%s: %s, want %s", label, got, want)
		}
	}
}
