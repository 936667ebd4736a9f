// SPDX-License-Identifier: Apache-2.0

package podexec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// defaultContainer is the annotation that names a pod's container for kubectl.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// find looks up the container. Its error is a *remote.RunError.
func (r Runner) find(ctx context.Context, client corev1client.PodsGetter) (target, error) {
	pod, err := r.findPod(ctx, client.Pods(r.Namespace))
	if err != nil {
		return target{}, err
	}
	container, err := r.findContainer(pod)
	return target{pod.Namespace, pod.Name, container}, err
}

func (r Runner) findPod(ctx context.Context, pods corev1client.PodInterface) (*corev1.Pod, error) {
	if r.Name != "" {
		pod, err := pods.Get(ctx, r.Name, metav1.GetOptions{})
		if err == nil && !isRunning(pod) {
			return nil, r.fail(remote.PodNotRunning, fmt.Errorf("pod %s does not run: it is %s", r.Name, state(pod)),
				"see what it waits for: kubectl describe pod -n %s %s", r.Namespace, r.Name)
		}
		return pod, r.apiError(ctx, err)
	}
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: r.Selector})
	if err != nil {
		return nil, r.apiError(ctx, err)
	}
	var running []*corev1.Pod
	var all []string
	for i := range list.Items {
		if isRunning(&list.Items[i]) {
			running = append(running, &list.Items[i])
		}
		all = append(all, fmt.Sprintf("%s (%s)", list.Items[i].Name, state(&list.Items[i])))
	}
	switch {
	case len(running) == 1:
		return running[0], nil
	case len(all) == 0:
		return nil, r.fail(remote.PodNotFound, errors.New("there is no such pod"), "see which there are: kubectl get pods -A --show-labels")
	case len(running) == 0:
		return nil, r.fail(remote.PodNotRunning, fmt.Errorf("none of the pods runs: %s", enumerate(all)),
			"see what they wait for: kubectl describe pods -n %s -l %s", r.Namespace, remote.Quote(r.Selector))
	}
	return nil, r.fail(remote.PodAmbiguous, fmt.Errorf("several pods run: %s", enumerate(all)),
		"name the one that is to be asked: --bootstrap %s%s/%s", remote.PodScheme, r.Namespace, running[0].Name)
}

func (r Runner) findContainer(pod *corev1.Pod) (string, error) {
	var names []string
	for i := range pod.Spec.Containers {
		names = append(names, pod.Spec.Containers[i].Name)
	}
	name := r.Container
	if name == "" {
		name = pod.Annotations[defaultContainer]
	}
	switch {
	case name == "" && len(names) == 1:
		name = names[0]
	case name == "":
		return "", r.fail(remote.ContainerNotFound, fmt.Errorf("pod %s has several containers: %s", pod.Name, enumerate(names)),
			"name the one that has the helper: --bootstrap '%s%s/%s#%s'", remote.PodScheme, pod.Namespace, pod.Name, names[0])
	case !slices.Contains(names, name):
		return "", r.fail(remote.ContainerNotFound, fmt.Errorf("pod %s has no container %s; it has %s", pod.Name, name, enumerate(names)),
			"name one that it has: --bootstrap '%s%s/%s#%s'", remote.PodScheme, pod.Namespace, pod.Name, names[0])
	}
	for i := range pod.Status.ContainerStatuses {
		if s := &pod.Status.ContainerStatuses[i]; s.Name == name && s.State.Running == nil {
			return "", r.fail(remote.PodNotRunning, fmt.Errorf("container %s of pod %s does not run: it is %s", name, pod.Name, containerState(s.State)),
				"see why: kubectl describe pod -n %s %s", pod.Namespace, pod.Name)
		}
	}
	return name, nil
}

func isRunning(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil
}

func state(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "Terminating"
	}
	return string(pod.Status.Phase)
}

func containerState(s corev1.ContainerState) string {
	switch {
	case s.Waiting != nil && s.Waiting.Reason != "":
		return s.Waiting.Reason
	case s.Terminated != nil:
		return fmt.Sprintf("Terminated with status %d", s.Terminated.ExitCode)
	}
	return "Waiting"
}

// enumerate lists the first few.
func enumerate(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// lookUp is how a person looks the pods up.
func (r Runner) lookUp() string {
	words := []string{"kubectl", "get", "pods", "-n", r.Namespace}
	if r.Selector != "" {
		return remote.Quote(append(words, "-l", r.Selector)...)
	}
	return remote.Quote(append(words, r.Name)...)
}

func (r Runner) fail(reason remote.Reason, err error, advice string, args ...any) error {
	return &remote.RunError{Command: r.lookUp(), Reason: reason, Err: err, Advice: fmt.Sprintf(advice, args...)}
}

// rights is where the rights are told that it takes to reach a pod.
const rights = "the rights that this takes are in docs/remote.md; kubectl auth can-i --list -n %s shows yours"

// apiError says why a pod could not be looked up.
func (r Runner) apiError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return r.fail(remote.Canceled, context.Cause(ctx), "run the command again")
	case apierrors.IsNotFound(err):
		return r.fail(remote.PodNotFound, err, "see which there are: kubectl get pods -n %s", r.Namespace)
	case apierrors.IsForbidden(err):
		return r.fail(remote.Forbidden, err, rights, r.Namespace)
	}
	return r.fail(remote.Unreachable, err, "kubectl cluster-info tells whether the API server answers")
}
