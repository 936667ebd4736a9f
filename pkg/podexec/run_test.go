// SPDX-License-Identifier: Apache-2.0

package podexec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/metalk8s/kubectl-solution/pkg/podexec"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
	"github.com/metalk8s/kubectl-solution/test/kubelet"
)

// childVariable makes the test binary a helper that behaves in one way.
const childVariable = "PODEXEC_TEST_CHILD"

func TestMain(m *testing.M) {
	if do := os.Getenv(childVariable); do != "" {
		os.Exit(runChild(do))
	}
	os.Exit(apiserver.Main(m))
}

func runChild(do string) int {
	switch do {
	case "echo":
		fmt.Printf("%q\n", os.Args[1:])
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
	case "exit 3":
		fmt.Fprintln(os.Stderr, "first\nno space left")
		return 3
	case "exit 127":
		return 127
	case "killed":
		fmt.Println("ready")
		self, err := os.FindProcess(os.Getpid())
		if err != nil || self.Kill() != nil {
			return 1
		}
		select {}
	case "waits for its client":
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	return 0
}

// fixture is a cluster with a node, whose kubelet is a stand-in: it runs
// processes instead of containers.
type fixture struct {
	t         *testing.T
	config    *rest.Config
	client    kubernetes.Interface
	kubelet   *kubelet.Kubelet
	namespace string
}

// newFixture has the helper in all pods behave as do says.
func newFixture(t *testing.T, do string) *fixture {
	t.Helper()
	server := apiserver.Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if do != "" {
		if err := os.Symlink(self, filepath.Join(folder, "solution-bootstrap")); err != nil {
			t.Fatal(err)
		}
	}
	client, err := kubernetes.NewForConfig(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	ns, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "podexec-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	k := kubelet.Need(t, server, ns.Name, "PATH="+folder, childVariable+"="+do)
	return &fixture{t, server.Config, client, k, ns.Name}
}

// at returns the way to a pod; $NS in the address is the namespace.
func (f *fixture) at(address string) podexec.Runner {
	f.t.Helper()
	r, err := podexec.Parse(strings.ReplaceAll(address, "$NS", f.namespace), f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// wantError checks the parts of a *remote.RunError. In text and hint, $NS is the
// namespace.
func (f *fixture) wantError(err error, reason remote.Reason, text, hint string) *remote.RunError {
	f.t.Helper()
	var failed *remote.RunError
	if !errors.As(err, &failed) {
		f.t.Fatalf("error %v is no RunError", err)
	}
	text, hint = strings.ReplaceAll(text, "$NS", f.namespace), strings.ReplaceAll(hint, "$NS", f.namespace)
	if failed.Reason != reason || !strings.Contains(err.Error(), text) || !strings.Contains(failed.Hint(), hint) || !strings.HasPrefix(err.Error(), "running `kubectl ") {
		f.t.Errorf("reason %s, error %q, hint %q; want %s, %q, %q", failed.Reason, err, failed.Hint(), reason, text, hint)
	}
	return failed
}

func TestRun(t *testing.T) {
	f := newFixture(t, "echo")
	f.kubelet.Run(f.namespace, "helper-1", map[string]string{"app": "helper"}, nil, "main")
	f.kubelet.Run(f.namespace, "helper-2", map[string]string{"app": "helper"}, func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }, "main")
	f.kubelet.Run(f.namespace, "two", nil, nil, "one", "two")
	f.kubelet.Run(f.namespace, "default", nil, func(p *corev1.Pod) {
		p.Annotations = map[string]string{"kubectl.kubernetes.io/default-container": "two"}
	}, "one", "two")
	request := strings.Repeat("request", 100_000)
	for _, address := range []string{"pod://$NS/helper-1", "pod://$NS/app=helper", "pod://$NS/two#one", "pod://$NS/default"} {
		var out bytes.Buffer
		if err := f.at(address).Run(t.Context(), strings.NewReader(request), &out); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if got, want := out.String(), `["agent"]`+"\n"+request; got != want {
			t.Errorf("%s: got %d bytes: %.80q", address, len(got), got)
		}
	}
	if err := f.at("pod://$NS/helper-1").Run(t.Context(), nil, nil); err != nil {
		t.Errorf("with no streams: %v", err)
	}
}

// A proxy that does not know WebSockets is no obstacle.
func TestRunWithoutWebSockets(t *testing.T) {
	f := newFixture(t, "echo")
	f.kubelet.Run(f.namespace, "helper", nil, nil, "main")
	to, err := url.Parse(f.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	plain := rest.CopyConfig(f.config)
	plain.NextProtos = []string{"http/1.1"} // HTTP/2 has no upgrades
	transport, err := rest.TransportFor(plain)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	refused := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			refused++
			http.Error(w, "what is that?", http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	f.config = &rest.Config{Host: server.URL}
	var out bytes.Buffer
	if err := f.at("pod://$NS/helper").Run(t.Context(), strings.NewReader("x"), &out); err != nil || out.String() != "[\"agent\"]\nx" || refused != 1 {
		t.Errorf("%v, %q, refused %d times", err, &out, refused)
	}
}

func TestNotFound(t *testing.T) {
	f := newFixture(t, "echo")
	pending := func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }
	crashing := func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	}
	f.kubelet.Run(f.namespace, "a-1", map[string]string{"app": "a"}, nil, "main")
	f.kubelet.Run(f.namespace, "a-2", map[string]string{"app": "a"}, nil, "main")
	f.kubelet.Run(f.namespace, "b-1", map[string]string{"app": "b"}, pending, "main")
	f.kubelet.Run(f.namespace, "c-1", map[string]string{"app": "c"}, crashing, "main")
	f.kubelet.Run(f.namespace, "d-1", nil, nil, "one", "two")
	for address, tt := range map[string]struct {
		reason     remote.Reason
		text, hint string
	}{
		"pod://$NS/none":       {remote.PodNotFound, "running `kubectl get pods -n $NS none`: pods \"none\" not found", "kubectl get pods -n $NS"},
		"pod://$NS/app=none":   {remote.PodNotFound, "running `kubectl get pods -n $NS -l 'app=none'`: there is no such pod", "kubectl get pods -A --show-labels"},
		"pod://nowhere/none":   {remote.PodNotFound, "pods \"none\" not found", "kubectl get pods -n nowhere"},
		"pod://$NS/app=a":      {remote.PodAmbiguous, "several pods run: a-1 (Running), a-2 (Running)", "--bootstrap pod://$NS/a-1"},
		"pod://$NS/b-1":        {remote.PodNotRunning, "pod b-1 does not run: it is Pending", "kubectl describe pod -n $NS b-1"},
		"pod://$NS/app=b":      {remote.PodNotRunning, "none of the pods runs: b-1 (Pending)", "kubectl describe pods -n $NS -l 'app=b'"},
		"pod://$NS/app=c":      {remote.PodNotRunning, "container main of pod c-1 does not run: it is CrashLoopBackOff", "kubectl describe pod -n $NS c-1"},
		"pod://$NS/d-1":        {remote.ContainerNotFound, "pod d-1 has several containers: one, two", "--bootstrap 'pod://$NS/d-1#one'"},
		"pod://$NS/d-1#three":  {remote.ContainerNotFound, "pod d-1 has no container three; it has one, two", "--bootstrap 'pod://$NS/d-1#one'"},
		"pod://$NS/app in (x)": {remote.PodNotFound, "running `kubectl get pods -n $NS -l 'app in (x)'`: there is no such pod", ""},
	} {
		f.wantError(f.at(address).Run(t.Context(), nil, nil), tt.reason, tt.text, tt.hint)
	}
	f.config = &rest.Config{Host: "https://127.0.0.1:1"}
	f.wantError(f.at("pod://$NS/a-1").Run(t.Context(), nil, nil), remote.Unreachable, "connection refused", "kubectl cluster-info")
}

// Each right that is missing is named.
func TestForbidden(t *testing.T) {
	f := newFixture(t, "echo")
	f.kubelet.Run(f.namespace, "helper", map[string]string{"app": "helper"}, nil, "main")
	f.config = rest.CopyConfig(f.config)
	f.config.Impersonate.UserName = "jane"
	const hint = "docs/remote.md; kubectl auth can-i --list -n $NS"
	f.wantError(f.at("pod://$NS/helper").Run(t.Context(), nil, nil), remote.Forbidden, `User "jane" cannot get resource "pods"`, hint)
	f.wantError(f.at("pod://$NS/app=helper").Run(t.Context(), nil, nil), remote.Forbidden, `User "jane" cannot list resource "pods"`, hint)
	f.allow(rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}})
	f.wantError(f.until(`"pods/exec"`), remote.Forbidden, `User "jane" cannot create resource "pods/exec"`, hint)
	f.allow(rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}})
	if err := f.until("<nil>"); err != nil {
		t.Errorf("with the rights that the documentation names: %v", err)
	}
}

// until runs the helper until what comes of it is as wanted: the API server
// takes a moment to know of a right.
func (f *fixture) until(want string) error {
	f.t.Helper()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := f.at("pod://$NS/app=helper").Run(f.t.Context(), nil, nil)
		if strings.Contains(fmt.Sprint(err), want) || time.Since(start) > 30*time.Second {
			return err
		}
	}
}

// allow gives jane a right in the namespace.
func (f *fixture) allow(rule rbacv1.PolicyRule) {
	f.t.Helper()
	ctx, meta := f.t.Context(), metav1.ObjectMeta{GenerateName: "jane-", Namespace: f.namespace}
	role, err := f.client.RbacV1().Roles(f.namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{rule}}, metav1.CreateOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	_, err = f.client.RbacV1().RoleBindings(f.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "jane"}},
	}, metav1.CreateOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestRunFails(t *testing.T) {
	for do, tt := range map[string]struct {
		reason     remote.Reason
		text, hint string
	}{
		"":         {remote.NotFound, "executable file not found in $PATH", "has solution-bootstrap on its PATH"},
		"exit 3":   {remote.Exit, "command terminated with exit code 3: no space left", "run: kubectl exec -i -n $NS helper -c main -- solution-bootstrap agent </dev/null"},
		"exit 127": {remote.NotFound, "the helper is not there, or cannot be started", "has solution-bootstrap on its PATH"},
		"killed":   {remote.Killed, "exit code 137", "see whether its memory was too little"},
	} {
		t.Run(do, func(t *testing.T) {
			f := newFixture(t, do)
			f.kubelet.Run(f.namespace, "helper", nil, nil, "main")
			failed := f.wantError(f.at("pod://$NS/helper").Run(t.Context(), nil, nil), tt.reason, tt.text, tt.hint)
			if want := "kubectl exec -i -n " + f.namespace + " helper -c main -- solution-bootstrap agent"; failed.Command != want {
				t.Errorf("command %s, want %s", failed.Command, want)
			}
		})
	}
}

// signalWriter tells of its first write.
type signalWriter struct {
	bytes.Buffer
	written chan struct{}
}

func (w *signalWriter) Write(p []byte) (int, error) {
	if w.Len() == 0 {
		close(w.written)
	}
	return w.Buffer.Write(p)
}

// start runs a helper until it has answered something.
func (f *fixture) start(ctx context.Context) (done chan error) {
	f.t.Helper()
	stdin, keep := io.Pipe()
	f.t.Cleanup(func() { _ = keep.Close() })
	out := &signalWriter{written: make(chan struct{})}
	done = make(chan error, 1)
	go func() { done <- f.at("pod://$NS/helper").Run(ctx, stdin, out) }()
	<-out.written
	return done
}

func TestLostAndCanceled(t *testing.T) {
	f := newFixture(t, "waits for its client")
	f.kubelet.Run(f.namespace, "helper", nil, nil, "main")
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := f.start(ctx)
	cancel(enough)
	f.wantError(<-done, remote.Canceled, "enough", "run the command again")
	cut := f.forward()
	done = f.start(t.Context())
	cut()
	f.wantError(<-done, remote.Lost, "the connection was lost", "run the command again")
	// Where the API server loses the node, it ends the streams as if that was
	// all; whoever reads them finds that there was no result.
	done = f.start(t.Context())
	f.kubelet.Cut()
	if err := <-done; err != nil {
		f.wantError(err, remote.Lost, "the connection was lost", "run the command again")
	}
	f.kubelet.Close()
	f.wantError(f.at("pod://$NS/helper").Run(t.Context(), nil, nil), remote.Unreachable, "the pod's node, or the API server, cannot be reached", "kubectl logs -n $NS helper")
}

// forward has what goes to the API server go through a connection that can be
// cut.
func (f *fixture) forward() (cut func()) {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = listener.Close() })
	to := strings.TrimPrefix(f.config.Host, "https://")
	f.config = rest.CopyConfig(f.config)
	f.config.Host = "https://" + listener.Addr().String()
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(context.WithoutCancel(f.t.Context()), "tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, from, server)
			mu.Unlock()
			go func() { _, _ = io.Copy(server, from) }()
			go func() { _, _ = io.Copy(from, server) }()
		}
	}()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
}

type badStream struct{}

var errStream = errors.New("stream is broken")

func (badStream) Read([]byte) (int, error)  { return 0, errStream }
func (badStream) Write([]byte) (int, error) { return 0, errStream }

func TestBrokenStreams(t *testing.T) {
	f := newFixture(t, "waits for its client")
	f.kubelet.Run(f.namespace, "helper", nil, nil, "main")
	stdin, keep := io.Pipe()
	defer keep.Close()
	f.wantError(f.at("pod://$NS/helper").Run(t.Context(), stdin, badStream{}), remote.Canceled, "writing its output: stream is broken", "")
	f.wantError(f.at("pod://$NS/helper").Run(t.Context(), badStream{}, nil), remote.Canceled, "reading its input: stream is broken", "")
}
