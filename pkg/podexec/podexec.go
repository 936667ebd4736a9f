// SPDX-License-Identifier: Apache-2.0

// Package podexec reaches a helper that runs in a pod, as `kubectl exec` would:
// through the API server. It is apart from package remote because the helper
// itself, which uses that one, has no client of Kubernetes in it.
package podexec

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// Runner runs the helper in a pod that runs already. Of Name and Selector one
// is set.
type Runner struct {
	Config    *rest.Config
	Namespace string
	Name      string
	// Selector is that of labels; exactly one running pod must match.
	Selector string
	// Container is that which the pod names as its default where it is "", or
	// the only one.
	Container string
}

var _ remote.Runner = Runner{}

// Parse reads an address pod://[namespace/]name-or-selector[#container]. The
// namespace is v1alpha1.Namespace by default.
func Parse(address string, config *rest.Config) (Runner, error) {
	rest, isPod := strings.CutPrefix(address, remote.PodScheme)
	if !isPod {
		return Runner{}, hint.With(fmt.Errorf("bootstrap address %q is not that of a pod", address), remote.Forms)
	}
	r := Runner{Config: config, Namespace: v1alpha1.Namespace}
	name, container, hasContainer := strings.Cut(rest, "#")
	if hasContainer && len(validation.IsDNS1123Label(container)) > 0 {
		return Runner{}, hint.With(fmt.Errorf("bootstrap address %q: %q is no name of a container", address, container), remote.Forms)
	}
	r.Container = container
	// The key of a label may have a slash too; what is before it has a dot.
	if namespace, after, found := strings.Cut(name, "/"); found && len(validation.IsDNS1123Label(namespace)) == 0 {
		r.Namespace, name = namespace, after
	}
	if strings.ContainsAny(name, "=!(, ") {
		selector, err := labels.Parse(name)
		if err != nil || selector.Empty() {
			return Runner{}, hint.With(fmt.Errorf("bootstrap address %q: %q is no selector of labels", address, name), remote.Forms)
		}
		r.Selector = selector.String()
		return r, nil
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return Runner{}, hint.With(fmt.Errorf("bootstrap address %q: %q is no name of a pod", address, name), remote.Forms)
	}
	r.Name = name
	return r, nil
}

// String returns the address, with its namespace.
func (r Runner) String() string {
	address := remote.PodScheme + r.Namespace + "/" + r.Name + r.Selector
	if r.Container != "" {
		address += "#" + r.Container
	}
	return address
}

// NeedsOpenStdin is for remote.NeedsOpenStdin: the output of what runs in a pod
// is taken by the container runtime, whether anybody reads it or not.
func (Runner) NeedsOpenStdin() bool { return true }

// Trusted is for remote.Trusted: whoever can make pods in one of the namespaces
// can change what is imported anyway.
func (r Runner) Trusted(namespaces []string) error {
	if !slices.Contains(namespaces, r.Namespace) {
		return fmt.Errorf("it names a pod outside of the namespaces %s", strings.Join(namespaces, " and "))
	}
	return nil
}

// Run runs the helper's agent in the pod. See remote.Runner.
func (r Runner) Run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	config := rest.CopyConfig(r.Config)
	config.Timeout = 0 // that of requests; this one takes as long as the helper
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return &remote.RunError{Command: r.lookUp(), Reason: remote.Failed, Err: err}
	}
	t, err := r.find(ctx, client)
	if err != nil {
		return err
	}
	s := newSession(ctx, stdin, stdout)
	err = s.run(config, client.RESTClient(), t)
	if err == nil {
		return nil
	}
	return s.diagnose(t, err)
}

// target is the container in which the helper runs.
type target struct{ namespace, pod, container string }

// words are the command, as kubectl has it.
func (t target) words(command ...string) []string {
	return append([]string{"kubectl", "exec", "-i", "-n", t.namespace, t.pod, "-c", t.container, "--"}, command...)
}

// command is what runs in the container: all of it, always.
func command() []string { return []string{"solution-bootstrap", "agent"} }
