// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/helper/config"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/mount"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

var update = flag.Bool("update", false, "write the golden files")

// options returns those of a configuration, for node-1.
func options(t *testing.T, configuration string) Options {
	t.Helper()
	c, err := config.Parse([]byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	return Options{Node: "node-1", Image: "localhost/solution-bootstrap:1.0.0", Configuration: c, User: DefaultUser}
}

func TestGolden(t *testing.T) {
	o := options(t, "")
	o.Archives = []string{"/srv/solutions"}
	for name, manifests := range map[string]func(Options) ([]any, error){"daemonset.yaml": DaemonSet, "static.yaml": Static} {
		objects, err := manifests(o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := YAML(objects)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("with -update it is written again; -want +got:\n%s", diff)
		}
	}
}

// spec returns the pod's, read back from what is printed, so that nothing of it
// is lost on the way.
func spec(t *testing.T, o Options) corev1.PodSpec {
	t.Helper()
	objects, err := DaemonSet(o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := YAML(objects[1:])
	if err != nil {
		t.Fatal(err)
	}
	var got appsv1.DaemonSet
	if err := yaml.UnmarshalStrict([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := objects[1].(*appsv1.DaemonSet)
	for i := range want.Spec.Template.Spec.Containers { // a quantity that was parsed remembers its text
		want.Spec.Template.Spec.Containers[i].Resources = got.Spec.Template.Spec.Containers[i].Resources
	}
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Errorf("-made +printed:\n%s", diff)
	}
	return got.Spec.Template.Spec
}

// The namespace is the one that the plugins make, so that neither changes what
// the other has made.
func TestNamespace(t *testing.T) {
	objects, err := DaemonSet(options(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	labels := objects[0].(*corev1.Namespace).Labels
	delete(labels, "pod-security.kubernetes.io/enforce")
	if diff := cmp.Diff(plan.SolutionsNamespace("").GetLabels(), labels); diff != "" {
		t.Error(diff)
	}
}

// The registry can write nothing, and the agent only what it keeps.
func TestFolders(t *testing.T) {
	for _, tt := range []struct {
		configuration string
		archives      []string
		want          string // of the agent
	}{
		{"", nil, "/etc/metalk8s rw, /var/lib/metalk8s rw"},
		{"", []string{"/srv/b", "/srv/a/", "/srv/a/c", "/srv/a", "/var/lib/metalk8s/solutions/x"}, "/etc/metalk8s rw, /srv/a ro, /srv/b ro, /var/lib/metalk8s rw"},
		{"root: /opt/node", nil, "/etc/metalk8s rw, /opt/node/etc/metalk8s rw, /opt/node/var/lib/metalk8s rw"},
		{"archives: {upload: /srv/up/load, allow: [/srv/up, /mnt/iso]}", nil, "/etc/metalk8s rw, /mnt/iso ro, /srv/up ro, /srv/up/load rw, /var/lib/metalk8s rw"},
		{"archives: {upload: /srv/up, allow: [/srv/up, /srv/up/er]}", nil, "/etc/metalk8s rw, /srv/up rw, /var/lib/metalk8s rw"},
		{"registry: {tls: {certificate: /etc/pki/a/tls.crt, key: /etc/pki/b/tls.key, clientCAs: /etc/metalk8s/ca.crt}, htpasswd: /etc/pki/a/users}", nil, "/etc/metalk8s rw, /etc/pki/a ro, /etc/pki/b ro, /var/lib/metalk8s rw"},
	} {
		o := options(t, tt.configuration)
		o.Archives = tt.archives
		s := spec(t, o)
		if got := mounts(s, s.Containers[1]); got != tt.want {
			t.Errorf("%s %v: %s", tt.configuration, tt.archives, got)
		}
		if got := mounts(s, s.Containers[0]); got != strings.ReplaceAll(tt.want, " rw", " ro") {
			t.Errorf("%s %v: registry %s", tt.configuration, tt.archives, got)
		}
	}
}

// mounts tells where a container has what, which must be where the node has it.
func mounts(s corev1.PodSpec, c corev1.Container) string {
	var list []string
	for i, m := range c.VolumeMounts {
		mode := "rw"
		if m.ReadOnly {
			mode = "ro"
		}
		text := m.MountPath + " " + mode
		if v := s.Volumes[i]; v.Name != m.Name || v.HostPath.Path != m.MountPath {
			text += fmt.Sprintf(" not %s", v.HostPath.Path)
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func TestProbes(t *testing.T) {
	for configuration, want := range map[string]string{
		"":                                     "HTTP://:5000",
		"registry: {listen: ['0.0.0.0:5001']}": "HTTP://:5001",
		"registry: {listen: ['[::]:5001']}":    "HTTP://:5001",
		"registry: {listen: ['10.0.0.1:5001', ':5002']}":                         "HTTP://10.0.0.1:5001",
		"registry: {listen: ['[fd00::1]:5001']}":                                 "HTTP://fd00::1:5001",
		"registry: {listen: ['node:5001'], tls: {certificate: /a/c, key: /a/k}}": "HTTPS://node:5001",
	} {
		c := spec(t, options(t, configuration)).Containers[0]
		for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/healthz ": c.StartupProbe, "/readyz": c.ReadinessProbe} {
			get := probe.HTTPGet
			if got := fmt.Sprintf("%s://%s:%s", get.Scheme, get.Host, get.Port.String()); got != want || get.Path != strings.TrimSpace(path) {
				t.Errorf("%s: %s%s", configuration, got, get.Path)
			}
		}
	}
}

// Only a port below 1024 is a reason for a capability, and for root.
func TestRights(t *testing.T) {
	o := options(t, "registry: {listen: [':443']}")
	if _, err := Static(o); err == nil || hint.Of(err) != "run the registry as root: --user 0" {
		t.Errorf("%v", err)
	}
	o.User = 0
	s := spec(t, o)
	if c := s.Containers[0].SecurityContext; len(c.Capabilities.Add) != 1 || c.Capabilities.Add[0] != "NET_BIND_SERVICE" || *c.RunAsNonRoot {
		t.Errorf("%+v", c)
	}
	for _, c := range append(spec(t, options(t, "")).Containers, s.Containers[1]) {
		if len(c.SecurityContext.Capabilities.Add) > 0 || c.SecurityContext.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%+v", c.SecurityContext.Capabilities)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		edit func(*Options)
		want string
	}{
		{func(o *Options) { o.Node = "a b" }, `"a b" is no name of a node: `},
		{func(o *Options) { o.Node = "" }, `"" is no name of a node: `},
		{func(o *Options) { o.User = -1 }, "--user: -1 is no user"},
		{func(o *Options) { o.Configuration.Registry.Listen = []string{":5000", "10.0.0.1:0"} }, `registry.listen: whether "10.0.0.1:0" answers cannot be asked`},
		{func(o *Options) { o.Configuration.Mount = mount.FUSE }, "mount: fuse takes the right to mount"},
		{func(o *Options) { o.Archives = []string{"solutions"} }, `folder "solutions" is no absolute path`},
		{func(o *Options) { o.Archives = []string{""} }, `folder "" is no absolute path`},
		{func(o *Options) { o.Archives = []string{"/srv/../etc"} }, `folder "/srv/../etc": .. cannot be in a path of a pod`},
		{func(o *Options) { o.Archives = []string{"/srv/a:b"} }, `folder "/srv/a:b": a pod cannot have a path with a colon`},
		{func(o *Options) { o.Archives = []string{"//"} }, `folder "//" is more than the helper is to have of the node`},
		{func(o *Options) { o.Archives = []string{"/var/lib/"} }, `folder "/var/lib/" is more than`},
		{func(o *Options) { o.Configuration.Registry.HTPasswd = "/etc/htpasswd" }, `folder "/etc" is more than`},
	} {
		o := options(t, "")
		tt.edit(&o)
		if objects, err := DaemonSet(o); err == nil || !strings.HasPrefix(err.Error(), tt.want) || objects != nil {
			t.Errorf("%v; want %s", err, tt.want)
		}
	}
}
