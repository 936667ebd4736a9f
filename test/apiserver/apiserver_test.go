// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/metalk8s/kubectl-solution/test/need"
)

func TestMain(m *testing.M) { os.Exit(Main(m, WithAuditReads())) }

// checkUsable does what tests do: write and read through client-go and through kubectl.
func checkUsable(t *testing.T, s *Server) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "apiserver-test-"}, Data: map[string]string{"a": "b"}}
	cm, err = client.CoreV1().ConfigMaps("default").Create(t.Context(), cm, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Kubectl == "" {
		t.Fatal("no kubectl")
	}
	if base := filepath.Base(s.Kubectl); base != "kubectl" {
		t.Errorf("kubectl is called %s: plugins would not find it", base)
	}
	out, err := exec.CommandContext(t.Context(), s.Kubectl, "--kubeconfig", s.Kubeconfig,
		"get", "configmap", cm.Name, "--output=jsonpath={.data.a}").CombinedOutput()
	if err != nil || string(out) != "b" {
		t.Errorf("kubectl get configmap: %v, %q; want b", err, out)
	}
	if err := client.CoreV1().ConfigMaps("default").Delete(t.Context(), cm.Name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	return client
}

func TestNeed(t *testing.T) {
	s := Need(t)
	client := checkUsable(t, s)
	if again := Need(t); again != s {
		t.Error("a second test has a second server")
	}
	if !s.HasControllers {
		t.Skip("this server has no controllers to try")
	}
	ns, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "apiserver-test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A namespace goes only where the controllers run.
	if err := client.CoreV1().Namespaces().Delete(t.Context(), ns.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := client.CoreV1().Namespaces().Get(t.Context(), ns.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the namespace does not go: %v", err)
		}
	}
}

// needBinary is bin/devcluster itself, for tests of how it is started.
func needBinary(t *testing.T) string {
	t.Helper()
	binary, err := findDevcluster()
	if err != nil {
		need.Missing(t, "%v (make cluster)", err)
	}
	return binary
}

func TestStartFromDevcluster(t *testing.T) {
	needBinary(t)
	t.Setenv(EnvUseExisting, "")
	t.Setenv(EnvAssets, "")
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !s.HasControllers {
		t.Error("devcluster without controllers")
	}
	if s.HasAuditLog() {
		t.Error("an audit log that nobody asked for")
	}
	checkUsable(t, s)
	checkStops(t, s)
}

func TestStartFromAssets(t *testing.T) {
	binary := needBinary(t)
	assets := t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if err := os.Symlink(binary, filepath.Join(assets, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(EnvUseExisting, "")
	t.Setenv(EnvAssets, assets)
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.HasControllers {
		t.Error("envtest with controllers")
	}
	checkUsable(t, s)
	checkStops(t, s)
}

// checkStops stops a server and looks for what it may leave behind in TMPDIR.
func checkStops(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := client.ServerVersion(); err == nil {
		t.Errorf("still answers after it was stopped: %v", v)
	}
	checkNothingLeft(t)
}

func checkNothingLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("left %s in the temporary folder", e.Name())
	}
}

func TestStartFromExistingCluster(t *testing.T) {
	shared := Need(t)
	t.Setenv(EnvUseExisting, "true")
	t.Setenv("KUBECONFIG", shared.Kubeconfig)
	t.Setenv("PATH", filepath.Dir(shared.Kubectl))
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkUsable(t, s)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	checkUsable(t, shared) // an existing cluster is left running
}
