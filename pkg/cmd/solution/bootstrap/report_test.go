// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

const solutionsPath = "/etc/metalk8s/solutions.yaml"

// goodFacts are of a node where all is well: storage 1.0.0 and 2.0.0, the
// second active.
func goodFacts() *facts {
	content := func(version string) *v1alpha1.Content {
		return &v1alpha1.Content{ID: "storage-" + version, Name: "storage", Version: version}
	}
	return &facts{
		address: "local",
		node: &protocol.Status{
			Version: "1.2.3", Protocol: 1, SolutionsPath: solutionsPath,
			Configuration: config.Configuration{Registry: config.Registry{Endpoint: "node:5000", Listen: []string{":5000"}}},
			State: &protocol.NodeState{
				Archives: []protocol.ArchiveState{{Path: "/one.iso", Content: content("1.0.0")}, {Path: "/two.iso", Content: content("2.0.0")}},
				Active:   map[string]string{"storage": "2.0.0"},
			},
			Registry: []protocol.RegistryStatus{{Listen: ":5000", Readiness: &protocol.Readiness{
				Ready: true, Archives: []protocol.ServedArchive{{ID: "storage-1.0.0", Path: "/one.iso"}, {ID: "storage-2.0.0", Path: "/two.iso"}},
			}}},
		},
		catalog: &cluster.Catalog{
			ConfigMap: &corev1.ConfigMap{}, Endpoint: "node:5000",
			Records: map[string][]v1alpha1.SolutionRecord{"storage": {
				{Version: "1.0.0", Archive: "/one.iso"}, {Version: "2.0.0", Archive: "/two.iso", Active: true},
			}},
		},
	}
}

func TestBootstrapProblems(t *testing.T) {
	const startHint, syncHint, logHint = "systemctl start", "kubectl solution sync", "journalctl"
	for name, tt := range map[string]struct {
		change func(*facts)
		want   []string // message -> part of the hint
	}{
		"none": {func(*facts) {}, nil},
		"nothing is imported": {func(f *facts) {
			f.node.State, f.node.Registry[0].Readiness.Archives, f.catalog = &protocol.NodeState{}, []protocol.ServedArchive{}, &cluster.Catalog{}
		}, nil},
		"one of two addresses is down": {func(f *facts) {
			f.node.Registry = append(f.node.Registry, protocol.RegistryStatus{Listen: "[::1]:5000", Error: "connection refused"})
		}, []string{"the registry does not answer at [::1]:5000: connection refused -> " + startHint}},
		"the registry does not serve one": {func(f *facts) {
			r := f.node.Registry[0].Readiness
			r.Archives = r.Archives[:1]
		}, []string{"the bootstrap node lists storage-2.0.0 (/two.iso), and the registry does not serve it -> " + logHint}},
		"one of two registries does not serve one": {func(f *facts) {
			f.node.Registry = append(f.node.Registry, protocol.RegistryStatus{Listen: ":5001", Readiness: &protocol.Readiness{Archives: f.node.Registry[0].Readiness.Archives[1:]}})
		}, []string{"the bootstrap node lists storage-1.0.0 (/one.iso), and the registry does not serve it -> " + logHint}},
		"the registry serves what is not listed": {func(f *facts) {
			r := f.node.Registry[0].Readiness
			r.Archives = append(r.Archives, protocol.ServedArchive{ID: "x-1", Path: "/x.iso"})
			f.node.Registry = append(f.node.Registry, f.node.Registry[0]) // said once
		}, []string{"the registry serves x-1 from /x.iso, which " + solutionsPath + " does not list -> " + logHint}},
		"an archive cannot be read": {func(f *facts) {
			f.node.State.Archives[1] = protocol.ArchiveState{Path: "/two.iso", Error: "opening /two.iso: gone"}
			r := f.node.Registry[0].Readiness
			r.Archives, r.Problems = r.Archives[:1], []protocol.ServingProblem{{Path: "/two.iso", Error: "opening /two.iso: gone"}}
		}, []string{"opening /two.iso: gone -> kubectl solution unimport /two.iso"}},
		"only the registry cannot read an archive": {func(f *facts) {
			f.node.Registry[0].Readiness.Problems = []protocol.ServingProblem{{Path: "/two.iso", Error: "permission denied"}}
		}, []string{"/two.iso: permission denied -> " + logHint}},
		"two archives hold one version": {func(f *facts) {
			f.node.State.Archives = append(f.node.State.Archives, protocol.ArchiveState{Path: "/again.iso", Content: f.node.State.Archives[1].Content})
			f.node.State.Problems = []string{"/two.iso and /again.iso both hold storage-2.0.0"}
			f.node.Registry[0].Readiness.Problems = []protocol.ServingProblem{{Path: "/again.iso", Error: "/two.iso holds storage-2.0.0 too, and is served"}}
		}, []string{"/two.iso and /again.iso both hold storage-2.0.0 -> edit " + solutionsPath}},
		"the cluster knows nothing": {func(f *facts) { f.catalog = &cluster.Catalog{} }, []string{
			"the bootstrap node lists storage-1.0.0 (/one.iso), and the cluster does not -> " + syncHint,
			"the bootstrap node lists storage-2.0.0 (/two.iso), and the cluster does not -> " + syncHint,
		}},
		"the cluster was managed by other tooling": {func(f *facts) { f.catalog.Endpoint = "" }, []string{
			"the cluster records no endpoint of the registry, and the bootstrap node has node:5000 -> " + syncHint,
		}},
		"the node knows nothing": {func(f *facts) {
			f.node.State, f.node.Registry[0].Readiness.Archives = &protocol.NodeState{}, []protocol.ServedArchive{}
		}, []string{
			"the cluster lists storage-1.0.0 (/one.iso), and the bootstrap node does not -> " + syncHint,
			"the cluster lists storage-2.0.0 (/two.iso), and the bootstrap node does not -> " + syncHint,
		}},
		"an archive was moved": {func(f *facts) {
			f.node.State.Archives[0].Path, f.node.Registry[0].Readiness.Archives[0].Path = "/moved.iso", "/moved.iso"
		}, []string{"the cluster has storage-1.0.0 in /one.iso, and the bootstrap node in /moved.iso -> " + syncHint}},
		"the registry does not tell a stranger": {func(f *facts) {
			f.node.Registry = []protocol.RegistryStatus{{Listen: ":5000", Readiness: &protocol.Readiness{}}}
		}, []string{"the registry at :5000 says that not all is well, and tells a stranger no more -> " + logHint}},
		"it does on another address": {func(f *facts) {
			f.node.Registry = append(f.node.Registry, protocol.RegistryStatus{Listen: "192.168.1.10:5000", Readiness: &protocol.Readiness{}})
		}, nil},
		"another version is active": {func(f *facts) { f.node.State.Active["storage"] = "1.0.0" }, []string{
			"storage-1.0.0 is not active in the cluster, and active on the bootstrap node -> " + syncHint,
			"storage-2.0.0 is active in the cluster, and not active on the bootstrap node -> " + syncHint,
		}},
		"solutions.yaml is malformed": {func(f *facts) {
			f.node.State, f.node.Error = nil, "reading "+solutionsPath+": no YAML"
			r := f.node.Registry[0].Readiness
			r.Archives, r.Problems = r.Archives[:1], []protocol.ServingProblem{{Path: solutionsPath, Error: "no YAML"}}
		}, []string{
			"reading " + solutionsPath + ": no YAML -> correct the file",
			"the cluster lists storage-2.0.0 (/two.iso), and the registry does not serve it -> " + logHint,
		}},
		"nothing can be reached": {func(f *facts) {
			*f = facts{nodeErr: errors.New("no node"), catalogErr: hint.With(errors.New("no cluster"), "look for it")}
		}, []string{"no node -> --bootstrap says", "no cluster -> look for it"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := goodFacts()
			tt.change(f)
			r := newReport(f)
			if r.OK != (len(r.Problems) == 0) {
				t.Errorf("ok %t", r.OK)
			}
			var got []string
			for i, p := range r.Problems {
				text := p.Message + " -> " + p.Hint
				if i < len(tt.want) {
					message, part, _ := strings.Cut(tt.want[i], " -> ")
					if message == p.Message && strings.Contains(p.Hint, part) {
						text = tt.want[i]
					}
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A hint stands once, after all that it helps against.
func TestPrintProblems(t *testing.T) {
	var out bytes.Buffer
	r := &report{Problems: []problem{{"a", "x"}, {"b\nc", "x"}, {"d", ""}, {"e", "x"}}}
	if err := r.printProblems(&out); err != nil {
		t.Fatal(err)
	}
	if want := "\nproblem: a\nproblem: b\n  c\nhint: x\nproblem: d\nproblem: e\nhint: x\n"; out.String() != want {
		t.Errorf("%s", &out)
	}
}

func TestRegistryURLs(t *testing.T) {
	certificate := config.TLS{Certificate: "/c", Key: "/k"}
	for _, tt := range []struct {
		c    config.Registry
		want []string
		err  string
	}{
		{config.Registry{Endpoint: "192.168.1.10:5000", Listen: []string{":5000"}}, []string{"http://192.168.1.10:5000"}, ""},
		{config.Registry{Endpoint: "registry.example.com", TLS: certificate}, []string{"https://registry.example.com"}, ""},
		{config.Registry{Endpoint: "x.invalid:80", TLS: certificate, Listen: []string{"127.0.0.1:1", "localhost:2", "192.168.1.10:5000", "[fd00::1]:5000", "[::]:3", "0.0.0.0:4", "10.0.0.1:0"}}, []string{"https://192.168.1.10:5000", "https://[fd00::1]:5000"}, ""},
		{config.Registry{Endpoint: "x.invalid", Listen: []string{":5000"}}, nil, "no DNS knows the endpoint x.invalid, and registry.listen names no address that nodes could reach: :5000"},
		{config.Registry{Endpoint: "harbor.example.com/solutions"}, nil, "the endpoint harbor.example.com/solutions has a path, and solution-bootstrap serve has none"},
	} {
		got, err := registryURLs(tt.c)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && (err.Error() != tt.err || !strings.Contains(hint.Of(err), "--registry")) {
			t.Errorf("%+v: %q, %v", tt.c, got, err)
		}
	}
}
