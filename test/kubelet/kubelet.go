// SPDX-License-Identifier: Apache-2.0

// Package kubelet stands in for the kubelet of a node, for tests of what goes
// through the API server to a pod: a real API server dials it, with the real
// protocol. It runs no containers: a command "in a pod" is a process of this
// machine.
package kubelet

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/metalk8s/kubectl-solution/test/apiserver"
)

// Kubelet is a stand-in for a kubelet, with a Node in the cluster.
type Kubelet struct {
	t      testing.TB
	client kubernetes.Interface
	server *httptest.Server
	node   string
	env    []string

	listener *listener
}

// listener remembers its connections: the server forgets those of an exec.
type listener struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// Need starts a kubelet, which ends with the test. Commands have the variables
// of env, and no others. On a cluster that is not the tests' own the test is
// skipped: that API server would not reach it.
func Need(t testing.TB, server *apiserver.Server, node string, env ...string) *Kubelet {
	t.Helper()
	if os.Getenv(apiserver.EnvUseExisting) == "true" {
		t.Skipf("NOT TESTED: the API server of an existing cluster does not reach this machine (%s)", apiserver.EnvUseExisting)
	}
	client, err := kubernetes.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kubelet{t: t, client: client, node: node, env: env}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.exec)
	k.server = httptest.NewUnstartedServer(mux)
	k.listener = &listener{Listener: k.server.Listener}
	k.server.Listener = k.listener
	k.server.StartTLS()
	t.Cleanup(k.Close)
	k.register()
	return k
}

// Cut ends all connections, as a network may.
func (k *Kubelet) Cut() {
	k.listener.mu.Lock()
	defer k.listener.mu.Unlock()
	for _, conn := range k.listener.conns {
		_ = conn.Close() // some have ended
	}
}

// Close has the node not answer any more.
func (k *Kubelet) Close() {
	k.Cut()
	k.server.Close()
}

// register makes the Node, through which the API server finds the kubelet.
func (k *Kubelet) register() {
	k.t.Helper()
	ctx := context.WithoutCancel(k.t.Context())
	address, err := url.Parse(k.server.URL)
	if err != nil {
		k.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(address.Host)
	if err != nil {
		k.t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		k.t.Fatal(err)
	}
	nodes := k.client.CoreV1().Nodes()
	if _, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: k.node}}, metav1.CreateOptions{}); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		if err := nodes.Delete(ctx, k.node, metav1.DeleteOptions{}); err != nil {
			k.t.Error(err)
		}
	})
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error { // controllers write to it as well
		node, err := nodes.Get(ctx, k.node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}}
		node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(number)
		_, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// Run makes a pod that runs on the node, with the given containers. Edit, where
// it is not nil, may change it before; what is in its status becomes that.
func (k *Kubelet) Run(namespace, name string, labels map[string]string, edit func(*corev1.Pod), containers ...string) {
	k.t.Helper()
	ctx := context.WithoutCancel(k.t.Context())
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := k.client.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		k.t.Fatal(err)
	}
	no := false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{NodeName: k.node, AutomountServiceAccountToken: &no},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, c := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: c, Image: "none"})
		running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: c, State: running})
	}
	if edit != nil {
		edit(pod)
	}
	status := pod.Status
	pods := k.client.CoreV1().Pods(namespace)
	made, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err == nil {
		made.Status = status
		_, err = pods.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	}
	if err != nil {
		k.t.Fatal(err)
	}
	now := int64(0) // nothing else ends it
	k.t.Cleanup(func() {
		if err := pods.Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil && !apierrors.IsNotFound(err) {
			k.t.Error(err)
		}
	})
}
